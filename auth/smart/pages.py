"""The pages that users see, in English and French: sign in, choose a patient, decide, take back, and what went wrong.

Everything that is put into them is escaped. They carry no script; their style is admitted by a nonce.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auth.smart.style import STYLE
from auth.smart.words import LANGUAGES, Language

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
TEXTS: dict[str, tuple[str, str]] = {
    "login_title": ("Sign in", "Se connecter"),
    "patient_title": ("Choose a patient", "Choisir un patient"),
    "encounter_title": ("Choose a consultation", "Choisir une consultation"),
    "consent_title": ("May this app do that?", "Autoriser cette application ?"),
    "apps_title": ("Apps that have access", "Applications autorisées"),
    "logout_title": ("Sign out?", "Se déconnecter ?"),
    "left_title": ("You are signed out", "Vous êtes déconnecté"),
    "stray_title": ("This did not work", "Cela n’a pas fonctionné"),
    "login_for": ("{app} asks you to sign in.", "{app} vous demande de vous connecter."),
    "login_apps": ("Sign in to see which apps have access.", "Connectez-vous pour voir les applications autorisées."),
    "email": ("E-mail address", "Adresse e-mail"),
    "password": ("Password", "Mot de passe"),
    "code": ("Code of your second factor", "Code du second facteur"),
    "code_note": (
        "From your authenticator app, or one of your recovery codes.",
        "Celui de votre application d’authentification, ou l’un de vos codes de secours.",
    ),
    "code_due": ("A second factor is needed.", "Un second facteur est nécessaire."),
    "wrong": ("The e-mail address or the password is wrong.", "L’adresse e-mail ou le mot de passe est incorrect."),
    "wrong_code": ("The code is wrong, or was used before.", "Le code est incorrect ou a déjà servi."),
    "too_many": ("Too many attempts. Try again later.", "Trop de tentatives. Réessayez plus tard."),
    "login": ("Sign in", "Se connecter"),
    "patient_for": ("{app} needs to know which patient this is about.", "{app} doit savoir de quel patient il s’agit."),
    "find_patient": ("Name begins with", "Le nom commence par"),
    "find": ("Find", "Rechercher"),
    "choose_patient": ("Choose one", "Choisissez"),
    "born": ("born {date}", "naissance le {date}"),
    "nobody": ("There is no patient to choose from.", "Aucun patient à proposer."),
    "encounter_for": (
        "{app} would like to know which consultation this is about.",
        "{app} souhaite savoir de quelle consultation il s’agit.",
    ),
    "choose_encounter": ("Choose one, the latest first", "Choisissez, de la plus récente à la plus ancienne"),
    "no_encounter": ("None of these", "Aucune de celles-ci"),
    "no_date": ("Without a date", "Sans date"),
    "about_encounter": ("Consultation: {which}", "Consultation : {which}"),
    "consent_for": ("{app} asks for access.", "{app} demande un accès."),
    "signed_in_as": ("Signed in as", "Connecté en tant que"),
    "not_you": ("Not you? Sign out", "Ce n’est pas vous ? Se déconnecter"),
    "about_you": ("This is about your own record.", "Il s’agit de votre propre dossier."),
    "about": ("About", "À propos de"),
    "wants_to": ("It asks for", "Elle demande"),
    "narrow": ("Only a part of it", "Seulement une partie"),
    "narrow_note": (
        "Untick the line above, and tick what it may have instead.",
        "Décochez la ligne ci-dessus et cochez ce qui est permis à la place.",
    ),
    "goes_to": ("What it reads goes to {host}.", "Ce qu’elle lit part vers {host}."),
    "take_back": ("You can take this back at any time.", "Vous pouvez retirer cet accès à tout moment."),
    "allow": ("Allow what is ticked", "Autoriser ce qui est coché"),
    "deny": ("No", "Refuser"),
    "apps_note": ("You have let these apps in:", "Vous avez autorisé ces applications :"),
    "no_apps": ("No app has access.", "Aucune application n’a accès."),
    "since": ("Since {date}", "Depuis le {date}"),
    "take_it_back": ("Take it back", "Retirer l’accès"),
    "take_back_from": ("Take it back from {app}", "Retirer l’accès de {app}"),
    "taken_back": ("The access has ended.", "L’accès est retiré."),
    "logout_for": ("{app} asks you to sign out here, too.", "{app} vous propose de vous déconnecter ici aussi."),
    "logout_by_nobody": ("You have been sent here to sign out.", "Vous avez été envoyé ici pour vous déconnecter."),
    "logout": ("Sign out", "Se déconnecter"),
    "logout_note": (
        "To stay signed in, close this page.",
        "Pour rester connecté, fermez cette page.",
    ),
    "left_note": ("Nobody is signed in in this browser.", "Personne n’est connecté dans ce navigateur."),
    "over": (
        "This request is over, or was begun in another browser. Go back to the app and begin again.",
        "Cette demande est terminée, ou a commencé dans un autre navigateur. Revenez à l’application et recommencez.",
    ),
    "unknown_app": ("This app is not registered here.", "Cette application n’est pas enregistrée ici."),
    "no_address": (
        "The app asks to be answered at an address that is not registered for it.",
        "L’application demande une réponse à une adresse qui n’est pas enregistrée pour elle.",
    ),
    "doubled": ("The app said something twice.", "L’application a répété un paramètre."),
    "changed": (
        "What is known of this app has changed. Go back to it and begin again.",
        "L’enregistrement de l’application a changé. Revenez à l’application et recommencez.",
    ),
    "not_yours": ("This patient is not among those you may see.", "Vous n’avez pas accès à ce patient."),
    "other_site": ("This was sent by a page of another site.", "Ceci a été envoyé par la page d’un autre site."),
    "no_form": ("What was sent is no form.", "Ce qui a été envoyé n’est pas un formulaire."),
    "crowded": ("The app asks with too many parameters.", "L’application envoie trop de paramètres."),
    "stray_note": (
        "Nothing was changed. Close this page, or go back to the app.",
        "Rien n’a été modifié. Fermez cette page ou revenez à l’application.",
    ),
}


class Pages:
    """Renders pages. Templates are read when the first one is shown."""

    def render(self, page: str, language: Language, nonce: str, **values: Any) -> str:
        """Return the page as HTML; its style counts under `nonce`."""

        def text(name: str, **parts: str) -> str:
            return TEXTS[name][LANGUAGES.index(language)].format(**parts)

        template = self._templates.get_template(f"{page}.html")
        shown = {"language": language, "nonce": nonce, "title": f"{page}_title", "t": text, "style": STYLE}
        return template.render(**shown | values)

    @cached_property
    def _templates(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        loader = FileSystemLoader(TEMPLATES)
        return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def language_of(accepted: str, *, default: Language = "fr") -> Language:
    """Return the language of an Accept-Language header that the pages speak; the first named is preferred."""
    for part in accepted.lower().split(","):
        found = next((each for each in LANGUAGES if part.strip().startswith(each)), None)
        if found is not None and ";q=0" not in part.replace(" ", "").replace("q=0.", "q=."):
            return found
    return default
