"""Scopes in plain words, in English and French, for people who decide about them."""

from __future__ import annotations

from typing import Literal, get_args

from auth.scopes import ANY, ResourceScope

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

TYPES: dict[str, tuple[str, str]] = {
    ANY: ("all health data, of kinds to come too", "toutes les données de santé, y compris les types à venir"),
    "AllergyIntolerance": ("allergies", "allergies"),
    "Appointment": ("appointments", "rendez-vous"),
    "CarePlan": ("care plans", "plans de soins"),
    "CareTeam": ("care teams", "équipes de soins"),
    "Communication": ("messages and notifications", "messages et notifications"),
    "Composition": ("consultation notes", "comptes rendus de consultation"),
    "Condition": ("health problems and diagnoses", "problèmes de santé et diagnostics"),
    "Consent": ("consents", "consentements"),
    "Coverage": ("health insurance", "couverture santé"),
    "Device": ("medical devices", "dispositifs médicaux"),
    "DiagnosticReport": ("examination reports", "comptes rendus d’examens"),
    "DocumentReference": ("documents", "documents"),
    "Encounter": ("consultations and stays", "consultations et séjours"),
    "FamilyMemberHistory": ("family history", "antécédents familiaux"),
    "Goal": ("care goals", "objectifs de soins"),
    "Immunization": ("vaccinations", "vaccinations"),
    "MedicationRequest": ("prescriptions", "prescriptions"),
    "MedicationStatement": ("medicines taken", "médicaments pris"),
    "Observation": ("measurements and laboratory results", "mesures et résultats d’analyses"),
    "Patient": ("identity and contact details", "identité et coordonnées"),
    "Practitioner": ("professionals", "professionnels"),
    "Procedure": ("procedures and operations", "actes et interventions"),
    "Questionnaire": ("questionnaires", "questionnaires"),
    "QuestionnaireResponse": ("answers to questionnaires", "réponses aux questionnaires"),
    "ServiceRequest": ("orders and referrals", "demandes d’examens et d’avis"),
}
DOES: dict[Language, dict[str, str]] = {
    "en": {"r": "see", "s": "search", "c": "add", "u": "change", "d": "delete"},
    "fr": {"r": "voir", "s": "rechercher", "c": "ajouter", "u": "modifier", "d": "supprimer"},
}
LEVELS: dict[Language, dict[str, str]] = {
    "en": {"patient": "of this patient", "user": "within what you may see", "system": "of everybody"},
    "fr": {"patient": "de ce patient", "user": "dans la limite de vos accès", "system": "de tout le monde"},
}
ORDER = "rscud"
COLON: dict[Language, str] = {"en": ": ", "fr": "\u00a0: "}
ONLY: dict[Language, str] = {"en": "only where", "fr": "seulement si"}
AND: dict[Language, str] = {"en": "and", "fr": "et"}
WORDS: dict[str, tuple[str, str]] = {
    "openid": ("know who you are", "savoir qui vous êtes"),
    "fhirUser": ("see your own entry in the record", "voir votre propre fiche"),
    "profile": ("see your own entry in the record", "voir votre propre fiche"),
    "launch": ("know what you were looking at when it was opened", "connaître le contexte de son ouverture"),
    "launch/patient": ("know which patient this is about", "savoir de quel patient il s’agit"),
    "launch/encounter": ("know which consultation this is about", "savoir de quelle consultation il s’agit"),
    "offline_access": (
        "keep this access when you are not there, until you take it back",
        "garder cet accès en votre absence, jusqu’à ce que vous le retiriez",
    ),
    "online_access": ("keep this access while you are signed in", "garder cet accès tant que vous êtes connecté"),
}


def in_words(scope: ResourceScope, language: Language) -> str:
    """Return what a resource scope lets an app do: `allergies of this patient: see and search`."""
    verbs = [DOES[language][letter] for letter in ORDER if letter in scope.letters]
    does = f" {AND[language]} ".join([", ".join(verbs[:-1]), verbs[-1]] if len(verbs) > 1 else verbs)
    what = TYPES.get(scope.type, (scope.type, scope.type))[LANGUAGES.index(language)]
    only = f" {AND[language]} ".join(f"{name} = {value}" for name, value in scope.parameters)
    about = f"{what} {LEVELS[language][scope.level]}" + (f", {ONLY[language]} {only}" if only else "")
    return f"{about}{COLON[language]}{does}"


def word(scope: str, language: Language) -> str:
    """Return what any other scope lets an app do."""
    return WORDS.get(scope, (scope, scope))[LANGUAGES.index(language)]
