"""SMART App Launch 2.2 and OpenID Connect: what an authorization server decides, without HTTP."""
