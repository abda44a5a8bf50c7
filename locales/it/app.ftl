### L’app intorno alle conversazioni.

## Ovunque

back = Indietro
cancel = Annulla
close = Chiudi
done = Fatto
later = Più tardi
not-now = Non ora
save = Salva
scan = Scansiona un codice
try-again = Riprova
undo = Annulla

## Primo avvio

welcome-title =
    Dillo piano.
    Sentono solo loro.
welcome-facts = Cose da sapere
welcome-key = Sei una chiave, non un numero.
welcome-key-more = Niente telefono, niente posta, niente password.
welcome-server = Il server porta, non può ascoltare.
welcome-server-more = Non conosce né le tue parole né le tue persone.
welcome-device = Vive su questo dispositivo.
welcome-device-more = Più avanti ti daremo delle parole per metterlo al sicuro.
welcome-create = Crea identità
welcome-words = Ho 24 parole
invited = Qualcuno ti invita a parlare. Prima ti serve un’identità; bastano dieci secondi.
invited-by = { $name } ti invita a parlare. Prima ti serve un’identità; bastano dieci secondi.
invited-group = { $name } ti invita in { $group }. Prima ti serve un’identità; bastano dieci secondi.

name-title = Come vuoi farti chiamare?
name-lead = Lo vede solo chi parla con te. Puoi cambiarlo quando vuoi.
name-open = Apri Sottovoce
name-busy = Un momento…
name-empty = Scrivi un nome; va bene qualunque nome.
name-long = Questo nome è troppo lungo. Accorcialo un po'.

restore-title = Rientra con le tue parole
restore-lead = Scrivi le tue 24 parole in ordine. Tornano la tua identità e il tuo indirizzo; le conversazioni ricominciano.
restore-words = Le tue 24 parole
restore-count = { $count } di { $of } parole
restore-node = Nodo
restore-do = Rientra

## Frase segreta

passphrase = Frase segreta
unlock-title = Che bello rivederti
unlock-lead = Ciò che è conservato in questo browser è chiuso con la tua frase segreta.
unlock-do = Apri
unlock-busy = Si apre…
unlock-lost = Dimenticata? Nessuno può aprire al posto tuo. Con le tue 24 parole puoi rientrare in un altro browser.
pass-set = Imposta una frase segreta
pass-change = Cambia la frase segreta
pass-lead = Viene chiesta ogni volta che l’app si apre. Nessuno può ridartela.
pass-more = Protegge ciò che è in questo browser da chi altro usa questo dispositivo.
pass-current = Frase attuale
pass-new = Frase nuova
pass-again = La stessa ancora una volta
pass-short = Si indovina presto. Usa almeno { $count } caratteri; meglio qualche parola.
pass-differ = Le due sono diverse. Scrivi la stessa due volte.
pass-remove = Rimuovila
pass-removed = Nessuna frase segreta, ora.
pass-kept = Frase segreta impostata.
pass-busy = Si chiude…

## Schermate di arresto

stop-storage-refused = Questo browser può dimenticare
    .safe = Non concede una memoria che resti, come nella navigazione privata. Ciò che scrivi sparirebbe alla chiusura.
    .todo = Permetti la memoria per questa pagina e riprova, o continua solo per questa visita.
stop-storage-lost = Ciò che era conservato qui non c’è più
    .safe = Il browser, o chi lo usa, ha svuotato la memoria. Nessun altro ha avuto nulla.
    .todo = Riprova, se hai aperto un altro profilo per errore. Altrimenti ricomincia, con le tue 24 parole se le hai.
stop-storage-full = Non c’è più posto
    .safe = Nulla è perduto: ciò che hai resta, ma niente di nuovo può entrare.
    .todo = Fai posto su questo dispositivo, poi riprova.
stop-database-newer = Qui c’è stata una versione più nuova
    .safe = Ciò che è conservato qui è in ordine, ma questa versione è troppo vecchia per leggerlo.
    .todo = Chiudi le altre schede di Sottovoce e ricarica.
stop-database-damaged = Ciò che è conservato qui è danneggiato
    .safe = Non viene più toccato, perché nulla peggiori. Le tue persone e la tua identità sono al sicuro se hai le tue parole.
    .todo = Prima riprova. Se resta così, ricomincia con le tue 24 parole.
stop-older-tab = Un’altra scheda usa una versione più vecchia
    .safe = Nulla è perduto. Due versioni non devono scrivere insieme.
    .todo = Chiudi le altre schede di Sottovoce, poi riprova.
stop-browser-too-old = Questo browser è troppo vecchio
    .safe = Gli manca qualcosa che tiene al sicuro i tuoi messaggi, perciò non cominciamo.
    .todo = Aggiorna il browser, o apri questa pagina in un altro.
stop-engine-stops = Qui qualcosa è andato storto
    .safe = La parte che custodisce i tuoi messaggi si è fermata più volte di seguito. Quel che è stato scritto è al sicuro.
    .todo = Ricarica la pagina. Se non basta, chiudi le altre schede di Sottovoce o riavvia il browser.
stop-way-retry = Riprova
stop-way-reload = Ricarica
stop-way-visit = Solo per questa visita
stop-way-erase = Ricomincia da capo
erase-title = Dimenticare tutto qui?
erase-text = Tutte le conversazioni in questo browser vengono cancellate per sempre. Senza le tue 24 parole sparisce anche la tua identità.
erase-do = Dimentica tutto

## Inviti

invite-title = Invita qualcuno
invite-lead = Fagli scansionare questo, o manda il link come preferisci. Apre una conversazione con te e nient’altro.
invite-group-title = Invita nel gruppo
invite-group-lead = Chi ha questo link può entrare nel gruppo. Mandalo solo a chi deve.
invite-qr = Il link come codice QR
invite-link = Il tuo link d’invito
invite-making = Il link si prepara…
invite-copy = Copia link
invite-copied = Link copiato.
invite-share = Condividi
invite-share-title = Parla con me su Sottovoce
invite-valid = Vale per
invite-uses = Si può usare
invite-uses-once = una volta
invite-uses-many = da molti
invite-approval = Chiedimi prima che qualcuno entri
invite-ends = Scade { $when }.
invite-close = Chiudi questo link
invite-closed = Link chiuso. Non porta più da nessuna parte.
invite-used = Questo link è stato usato. Per qualcun altro, fanne uno nuovo.
invite-expired = Questo link è scaduto.
invite-another = Nuovo link
invite-made = Fatto il { $when }.
invite-open-links = { $count ->
    [one] Vale un altro link
   *[other] Valgono altri { $count } link
}
invite-have-link = Hai ricevuto un link?
invite-open-link = Aprilo qui
invite-more = Più di una persona?
invite-make-group = Crea un gruppo

accept-title = Un invito
accept-reading = Si legge l’invito…
accept-broken = Questo invito non funziona
accept-person = { $name } vorrebbe parlare con te
accept-somebody = Qualcuno vorrebbe parlare con te
accept-group = { $name } ti invita in { $group }
accept-name-chosen = Il nome è quello che ha scelto.
accept-approval = Forse qualcuno nel gruppo deve prima farti entrare; due parole tue aiutano.
accept-expired = Questo invito è scaduto. Chiedine uno nuovo.
accept-do = Comincia a parlare
accept-enter = Entra
accept-busy = Si segue il link…
accept-node = Presso { $node }
accept-until = vale fino al { $date }
asked-title = Chiesto
asked-text = Alla risposta, la conversazione appare da sola. Puoi chiudere qui.

add-title = Apri un link
add-lead = Incolla un link d’invito o un indirizzo che ti hanno dato.
add-field = Link o indirizzo
add-placeholder = https://…/i#…
add-note = Una parola di accompagnamento
add-open = Apri
add-ask = Chiedi di parlare
note-long = È troppo lungo. Basta una frase.

scan-camera = Fotocamera
scan-hold = Tieni il codice davanti alla fotocamera.
scan-other = Questo è un codice di altro tipo.
scan-refused = Consenti la fotocamera nel browser, poi riprova. Senza, usa le cifre o il link.

## Richieste

requests-title = Richieste
requests-none = Nessuno chiede
requests-none-more = Chi ha il tuo indirizzo può chiedere di scriverti. Prima lo vedi qui.
request-talk = { $name } vorrebbe scriverti
request-join-group = { $name } ti invita in { $group }
request-enter-group = { $name } vorrebbe entrare in { $group }
request-name-chosen = Il nome è quello che ha scelto. Qui non vi siete mai incontrati.
request-when = Chiesto
request-way = Arriva da
request-way-talk = il tuo indirizzo
request-way-join-group = un gruppo
request-way-enter-group = un link del gruppo
request-key = Chiave
request-accept = Accetta
request-decline = Rifiuta
request-block = Blocca
request-until = Finché non accetti, { $name } non vede se leggi, e i link restano chiusi.
request-until-group = Finché non accetti, { $name } non vede nulla del gruppo, e il gruppo non vede nulla di questo.
request-accepted = Accettato. La conversazione con { $name } appare da sola.
request-declined = Rifiutato. { $name } non lo viene a sapere.
request-blocked = Bloccato. { $name } non lo viene a sapere.

## Gruppi e timer

group-new = Nuovo gruppo
group-new-more = Le persone vedono i nomi l’una dell’altra. Puoi aggiungerne più tardi, o mandare un link.
group-name = Nome del gruppo
group-name-empty = Dai un nome al gruppo.
group-who = Chi entra
group-make = Crea il gruppo
group-make-with = { $count ->
    [one] Crealo con 1 persona
   *[other] Crealo con { $count } persone
}
group-add = Aggiungi persone
group-add-do = { $count ->
    [0] Aggiungi
    [one] Aggiungi 1 persona
   *[other] Aggiungi { $count } persone
}
group-add-more = Chi entra legge ciò che si scrive da ora in poi.
group-add-link = Manda invece un link
group-people = { $count ->
    [one] 1 persona
   *[other] { $count } persone
}
group-links = Link del gruppo
group-rename = Rinomina il gruppo
people-title = Persone
people-find = Cerca qualcuno
people-none = Ancora nessuno da scegliere. Manda prima a qualcuno il tuo link.
people-none-found = Nessuno con questo nome.
people-all-inside = Ci sono già tutti quelli che conosci.
member-you = { $name } (tu)
member-is-admin = amministra
member-compared = confrontato
member-more = Altro su { $name }
member-compare = Confronta il numero di sicurezza
member-admin = Fai amministrare anche { $name }
member-no-admin = Non amministra più
member-remove = Rimuovi dal gruppo
remove-title = Rimuovere { $name }?
remove-text = { $name } tiene ciò che è stato scritto finora e da adesso non legge più nulla.
leave-title = Lasciare { $title }?
leave-text = Puoi ancora leggere ciò che c’è qui. Gli altri vedono la tua uscita; per rientrare serve un invito.
leave-stay = Resta
leave-do = Lascia il gruppo
timer-title = Messaggi a scomparsa
timer-lead = Passato questo tempo dalla lettura, un messaggio sparisce da ogni dispositivo. Vale per ciò che si scrive da ora in poi.
timer-off = I messaggi restano
timer-do = Imposta

## Numero di sicurezza

safety-title = Numero di sicurezza
safety-question = Uguale sui due schermi?
safety-lead = Allora nessuno sta in mezzo tra te e { $name }. Confrontate a occhio, a voce in chiamata, o fate scansionare un dispositivo all’altro.
safety-qr = Il tuo codice, da scansionare con l’altro dispositivo
safety-digits = Numero di sicurezza, dodici gruppi di cinque cifre
safety-scan = Scansiona il codice di { $name }
safety-scan-do = Scansiona il codice di { $name }
safety-match = Sono uguali
safety-compared = Confrontato il { $date }
safety-unmark = Non più confrontato
safety-differ = Sono diversi?
safety-differ-do = Guarda che fare
safety-differs = Sono diversi
safety-differs-safe = Ciò che hai scritto finora resta. Non confidare qui nulla di segreto a { $name } finché non sai perché.
safety-differs-1 = Guarda se { $name } ha aperto il numero di sicurezza con te, e non con qualcun altro.
safety-differs-2 = Chiedi a { $name }, meglio a voce, se la sua identità è nuova.
safety-differs-3 = Se non è nessuna delle due, vedetevi e ricominciate con un nuovo invito.
safety-again = Confronta di nuovo

## Parole di recupero

words-card = Metti al sicuro le tue 24 parole
words-card-more = Due minuti e una matita.
words-step = { $step } di { $of }
words-title = Scrivile su carta, in ordine
words-lead = Con loro puoi rientrare su un dispositivo nuovo. Senza, nessuno può aiutarti, nemmeno noi. Meglio la carta.
words-hidden = { $count } parole, una sotto l’altra. Prendi prima carta e matita.
words-show = Mostra le parole
words-list = Le tue parole, in ordine
words-written = Le ho scritte
words-alone = Meglio senza nessuno alle spalle. Poi ne chiediamo tre, una volta sola.
words-kept = Bene. Tieni quel foglio dove tieni ciò che conta.
check-title = Solo per sicurezza
check-lead = Guarda il tuo foglio. Quali parole stanno qui?
check-word = Parola { $place }
check-placeholder = Scrivi la parola
check-wrong = Non è la parola { $place }. Guarda di nuovo il foglio; basta una lettera.
check-do = Controlla
check-back = Mostra di nuovo le parole

## Impostazioni

settings-title = Impostazioni
settings-you = Tu
settings-words = Le tue parole
settings-notifications = Notifiche
settings-privacy = Riservatezza
settings-look = Aspetto e lingua
settings-node = Nodo
settings-about = Informazioni
settings-words-head = Parole di recupero
settings-words-show = Mostra le 24 parole
settings-words-kept = al sicuro
settings-words-open = non ancora al sicuro
settings-words-more = Con loro puoi rientrare su un dispositivo nuovo. Chi le ha può essere te: tienile per te.
you-name = Il tuo nome
you-picture = Scegli un’immagine
you-picture-remove = Rimuovi
you-picture-more = La vede solo chi parla con te. Viene rimpicciolita qui; luogo e ora della foto restano fuori.
you-address = Il tuo indirizzo
you-address-more = Chi lo ha può chiedere di scriverti. Decidi tu.
you-address-copy = Copia indirizzo
you-address-copied = Indirizzo copiato.
notify-open = Con una scheda aperta
notify-open-more = Vieni a sapere che qualcuno scrive mentre guardi altrove.
notify-closed = Ad app chiusa
notify-closed-more = Il servizio del browser sveglia l’app; non viene a sapere chi scrive né che cosa.
notify-words = Mostra chi ha scritto e che cosa
notify-words-more = Può leggerlo anche chi vede il tuo schermo.
notify-more = Una singola conversazione si silenzia nel suo menu.
notify-first = Dopo la prima conversazione potrai attivarle.
notify-card = Vuoi sapere quando qualcuno scrive?
notify-card-more = Il browser te lo chiederà una volta.
notify-card-do = Attiva
notice-new = Nuovo messaggio
notice-new-more = Apri Sottovoce per leggerlo.
notice-in-group = { $name }: { $text }
privacy-read = Fai sapere che ho letto
privacy-read-more = Gli altri vedono quando hai letto un messaggio.
privacy-typing = Fai sapere che sto scrivendo
privacy-typing-more = Gli altri vedono mentre scrivi loro.
privacy-direct = Manda i file da dispositivo a dispositivo
privacy-direct-more = Più veloce, e il nodo non ne vede nulla. L’altra persona vede l’indirizzo di rete di questo dispositivo. Solo con chi hai già scritto.
no-direct = Sempre tramite il nodo
no-direct-more = Qui i file non vanno mai da dispositivo a dispositivo, così questa persona non vede il tuo indirizzo di rete.
privacy-blocked = Bloccati
privacy-blocked-none = Nessuno.
privacy-unblock = Sblocca
privacy-compared = Numeri di sicurezza confrontati
look-theme = Aspetto
look-system = Come il dispositivo
look-light = Chiaro
look-dark = Scuro
look-language = Lingua
look-language-system = Come il browser
look-more = Vale solo per questo browser.
node-online = collegato
node-connecting = si collega…
node-offline = niente rete
node-waiting = Messaggi in attesa di partire
node-refuses = Il nodo è occupato; prossimo tentativo
node-knows = Che cosa sa il nodo
node-knows-1 = Che questo indirizzo esiste, e quando si prende o si lascia qualcosa.
node-knows-2 = Non ciò che si scrive: porta celle sigillate, tutte uguali.
node-knows-3 = Non con chi parli, né il tuo nome.
about-lead = Dillo piano. Sentono solo loro.
about-version = Versione
about-build = Build
about-storage = Conservato su questo dispositivo
about-storage-of = { $used } di { $all }
about-licence = Software libero con licenza AGPL 3. Senza garanzia. Il nodo dichiara lo stesso codice della build; chiunque può costruirla e confrontare.
update-ready = C’è una nuova versione.
update-more = Aspetta finché non la prendi; le bozze restano.
update-do = Aggiorna
install-lead = Sottovoce può stare tra le tue app e partire senza rete.
install-do = Installa

## Avvisi

alert-look = Guarda
alert-more = { $count ->
    [one] E un altro.
   *[other] E altri { $count }.
}
alert-compare = Confronta i numeri
alert-seen = Ho capito
alert-save = Salva la prova

## Spazio

settings-storage = Spazio
storage-sum = su questo dispositivo, cifrati.
storage-room = Il browser ha spazio per { $bytes }.
storage-conversations = Conversazioni
storage-largest = I più grandi
storage-clear-hint = Ciò che togli qui resta presso il nodo finché il nodo lo tiene; prima salva altrove ciò che conta.
storage-clear = { $count ->
    [one] Togline uno
   *[other] Togline { $count }
}
storage-cleared = Tolti { $bytes } da questo dispositivo.
storage-rules = Scarica da solo
storage-auto-pictures = Foto
storage-auto-pictures-more = Quando le vedi, fino a 20 MB.
storage-auto-voice = Note vocali
storage-auto-voice-more = Quando le vedi.
storage-auto-files = Video e file
storage-auto-files-more = Quando li vedi, fino a 20 MB.
storage-metered = Anche con i dati mobili
storage-metered-more = Dove il browser dice che la rete conta i byte.
