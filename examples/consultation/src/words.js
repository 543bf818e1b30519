// What the page says, in both languages. `{name}` is filled in.

const WORDS = {
  en: {
    brand: "Video consultation", language: "Français", sign_out: "Sign out",
    sign_in: "Sign in", sign_in_note: "With the account that the consultation was booked for.",
    email: "E-mail address", password: "Password", code: "Code of your second factor",
    agenda: "Your consultations", agenda_note: "Rooms open a quarter of an hour before the appointment.",
    agenda_none: "There is no consultation today.", agenda_again: "Look again",
    enter: "Enter the room", enter_with: "Enter the room with {name}", until: "{from} to {to}",
    with: "Consultation with {name}", controls: "Microphone, camera, end of the call",
    preparing: "Camera and microphone are being started …", connecting: "Connecting …", lost: "The connection is lost. Trying again …",
    waits: "You are in the waiting room. {name} will let you in.", alone: "{name} is not here yet.",
    knocks: "{name} is in the waiting room.", admit: "Admit {name}", talks: "You are connected.",
    mute: "Mute the microphone", unmute: "Switch the microphone on", hide: "Switch the camera off", show: "Switch the camera on",
    hang_up: "End the call", their_audio: "Microphone is off", their_video: "Camera is off", their_both: "Microphone and camera are off",
    chat: "Messages", message: "Your message", send: "Send", you: "You",
    kept: "Messages are kept in the record.", not_kept: "Messages are not kept.",
    over: "The consultation is over", over_by_you: "You have ended the call.", over_by: "{name} has ended the call.",
    closed: "You are no longer in the room: the appointment has changed, or what you may see.", ended: "Your session has ended. Sign in again.",
    back: "Back to the consultations", refused: "This room is not open to you now.", no_media: "There is no camera or microphone to be used; you can still listen and write.",
    offline: "The server cannot be reached.", failed: "That did not work.", unsaid: "Your message was not sent.",
  },
  fr: {
    brand: "Téléconsultation", language: "English", sign_out: "Se déconnecter",
    sign_in: "Se connecter", sign_in_note: "Avec le compte pour lequel la consultation a été réservée.",
    email: "Adresse e-mail", password: "Mot de passe", code: "Code de votre second facteur",
    agenda: "Vos consultations", agenda_note: "Les salles ouvrent un quart d’heure avant le rendez-vous.",
    agenda_none: "Aucune consultation aujourd’hui.", agenda_again: "Regarder à nouveau",
    enter: "Entrer dans la salle", enter_with: "Entrer dans la salle avec {name}", until: "de {from} à {to}",
    with: "Consultation avec {name}", controls: "Micro, caméra, fin de l’appel",
    preparing: "Mise en route de la caméra et du micro …", connecting: "Connexion …", lost: "La connexion est perdue. Nouvel essai …",
    waits: "Vous êtes dans la salle d’attente. {name} va vous faire entrer.", alone: "{name} n’est pas encore là.",
    knocks: "{name} est dans la salle d’attente.", admit: "Faire entrer {name}", talks: "Vous êtes en communication.",
    mute: "Couper le micro", unmute: "Rétablir le micro", hide: "Couper la caméra", show: "Rétablir la caméra",
    hang_up: "Terminer l’appel", their_audio: "Micro coupé", their_video: "Caméra coupée", their_both: "Micro et caméra coupés",
    chat: "Messages", message: "Votre message", send: "Envoyer", you: "Vous",
    kept: "Les messages sont conservés dans le dossier.", not_kept: "Les messages ne sont pas conservés.",
    over: "La consultation est terminée", over_by_you: "Vous avez terminé l’appel.", over_by: "{name} a terminé l’appel.",
    closed: "Vous n’êtes plus dans la salle : le rendez-vous a changé, ou ce que vous pouvez voir.", ended: "Votre session est terminée. Connectez-vous à nouveau.",
    back: "Retour aux consultations", refused: "Cette salle ne vous est pas ouverte maintenant.", no_media: "Ni caméra ni micro ne peuvent être utilisés ; vous pouvez écouter et écrire.",
    offline: "Le serveur ne répond pas.", failed: "Cela n’a pas fonctionné.", unsaid: "Votre message n’a pas été envoyé.",
  },
}

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en")

export const spoken = () => language

export function t(key, filled = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => filled[name] ?? "")
}

export function translate() {
  document.documentElement.lang = language
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t)
  const other = document.getElementById("language")
  other.textContent = t("language")
  other.lang = language === "fr" ? "en" : "fr"
}

export function switchLanguage() {
  language = language === "fr" ? "en" : "fr"
  localStorage.setItem("language", language)
  translate()
}
