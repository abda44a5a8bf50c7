### L’elenco, i messaggi, il campo di testo e le parti comuni.

title = Sottovoce
title-conversation = { $name } · Sottovoce
conversations = Conversazioni
conversation = Conversazione
conversation-with = Conversazione con { $name }
conversation-gone = Questa conversazione non è qui
nothing-open = Scegli una conversazione, o comincia a dire qualcosa.
new-conversation = Nuova conversazione
new-group = Nuovo gruppo
open-settings = { $name }, profilo e impostazioni
settings-short = Impostazioni
menu-of = { $name }, cosa fare

## L’elenco

search = Cerca
search-everything = Cerca ovunque
search-clear = Svuota la ricerca
search-conversations = Conversazioni
search-people = Persone
search-messages = Messaggi
search-nothing = Niente.
search-count = { $count ->
    [0] Nessun risultato
    [one] 1 risultato
   *[other] { $count } risultati
}
filter = Filtro
filter-all = Tutte
filter-unread = Da leggere
filter-groups = Gruppi
filter-requests = Richieste
filter-empty-all = È tutto in archivio.
filter-empty-unread = Tutto letto.
filter-empty-groups = Ancora nessun gruppo.
filter-empty-requests = Nessuno chiede niente.
requests-row = { $count ->
    [one] 1 richiesta
   *[other] { $count } richieste
}
archive-title = Archivio
archive-empty = L’archivio è vuoto.
empty-title = Ancora nessuno
empty-text = Manda il tuo link a una persona. Le prime parole sono le più difficili.
empty-verb = Invita qualcuno
row-you = Tu
row-draft = Bozza:
row-failed = Non inviato:
row-compared = confrontato
row-pinned = in alto
row-muted = silenziata
row-marked-unread = segnata da leggere
row-unread = { $count ->
    [one] 1 da leggere
   *[other] { $count } da leggere
}
menu-pin = Metti in alto
menu-unpin = Togli dall’alto
menu-mute = Silenzia
menu-unmute = Riattiva
menu-mark-read = Segna letta
menu-mark-unread = Segna da leggere
menu-archive = Archivia
menu-unarchive = Togli dall’archivio
archived-toast = In archivio.
network-offline-fact = Niente rete.
network-offline-text = Puoi leggere e scrivere; parte dopo.
network-connecting-fact = Cerco il nodo.
network-connecting-text = Puoi leggere e scrivere; parte dopo.
network-refused-fact = Il nodo chiede una pausa.
network-refused-text = Riprende da solo alle { $time }.
catching-up-fact = Mi metto in pari.
catching-up-some = { $done } letti
catching-up-of = { $done } di { $total } letti
takeover-fact = Un momento.
takeover-text = L’altra scheda è stata chiusa; continua questa.
typing-direct = sta scrivendo…
typing-one = { $name } sta scrivendo…
typing-two = { $first } e { $second } stanno scrivendo…
typing-many = { $count } persone stanno scrivendo…

## La conversazione aperta

messages = Messaggi
people-count = { $count ->
    [one] 1 persona
   *[other] { $count } persone
}
about = Informazioni
about-person = Informazioni su { $name }
about-group = Informazioni su { $name }
head-blocked = bloccata
state-suspect-short = in verifica
state-rejoining-short = sta rientrando
state-disputed-short = in pausa
state-leaving-short = in uscita
state-left-short = non ne fai più parte
state-restarted-short = continua altrove
closed-blocked = Hai bloccato { $name }.
closed-disputed = Non si scrive finché la cosa non è chiarita.
closed-leaving = Stai uscendo.
closed-left = Non fai più parte di questa conversazione. Quel che è scritto resta qui.
closed-restarted = Questa conversazione continua in una nuova.
unblock = Sblocca
block = Blocca
restart = Ricominciala
search-here = Cerca qui
search-position = { $at } di { $count }
search-none = Niente
search-older = Risultato più vecchio
search-newer = Risultato più nuovo
search-leave = Chiudi la ricerca
unread-line = Messaggi nuovi
jump = Vai ai più recenti
jump-unread = Vai ai più recenti, { $count } da leggere
message-menu = Cosa fare con questo messaggio
message-deleted = Cancellato.
message-unknown = Serve una versione più nuova dell’app.
message-edited = modificato
message-forwarded = inoltrato
message-gone = Non c’è più.
message-failed = Non inviato.
quote-of = Risponde a { $name }; mostralo
text-unfold = Mostra tutto
text-fold = Mostra meno
reacted = { $count } con { $emoji }
reactions-more = Altre { $count } reazioni
react-with = Reagisci con { $emoji }
react-more = Altre emoji
menu-react = Reagisci
menu-reply = Rispondi
menu-copy = Copia
menu-forward = Inoltra
menu-edit = Modifica
menu-select = Scegli
menu-info = Dettagli
menu-delete = Cancella
delivery-pending = In attesa di partire
delivery-stored = Presso il nodo
delivery-delivered = Consegnato
delivery-read = Letto
delivery-failed = Non inviato
told-pending = in attesa
told-stored = presso il nodo
told-delivered = consegnato
told-read = letto
told-failed = non inviato
notice-began = { $who ->
    [me] Hai aperto «{ $title }».
   *[other] { $by } ha aperto «{ $title }».
}
notice-began-direct = Solo voi due potete leggere qui.
notice-added = { $whom ->
    [me] { $by } ti ha fatto entrare. Leggi quel che si scrive da ora in poi.
   *[other] { $who ->
        [me] Hai fatto entrare { $name }.
       *[other] { $by } ha fatto entrare { $name }.
    }
}
notice-removed = { $whom ->
    [me] { $by } ti ha tolto dal gruppo.
   *[other] { $who ->
        [me] Hai tolto { $name } dal gruppo.
       *[other] { $by } ha tolto { $name } dal gruppo.
    }
}
notice-left = { $whom ->
    [me] Hai lasciato il gruppo.
   *[other] { $name } ha lasciato il gruppo.
}
notice-became-admin = { $whom ->
    [me] Ora amministri il gruppo.
   *[other] Ora { $name } amministra il gruppo.
}
notice-no-longer-admin = { $whom ->
    [me] Non amministri più il gruppo.
   *[other] { $name } non amministra più il gruppo.
}
notice-renamed = { $who ->
    [me] L’hai chiamata «{ $title }».
   *[other] { $by } l’ha chiamata «{ $title }».
}
notice-ended = Questa conversazione è finita.
notice-restarted = Questa conversazione continua in una nuova.
notice-call-group = Chiamata di gruppo, { $time }
notice-call-group-missed = Chiamata di gruppo persa
notice-call-talked = Chiamata, { $time }
notice-call-elsewhere = Chiamata su un altro tuo dispositivo
notice-call-unanswered = Nessuna risposta
notice-call-missed = Chiamata persa
notice-call-declined = Chiamata rifiutata
notice-call-declined-you = Hai rifiutato la chiamata
notice-call-busy = In un’altra chiamata
notice-call-failed = La chiamata non è riuscita, o si è interrotta
notice-timer = { $who ->
    [me] Fai sparire i messaggi dopo { $time }.
   *[other] { $by } fa sparire i messaggi dopo { $time }.
}
notice-timer-off = { $who ->
    [me] Lasci che i messaggi restino.
   *[other] { $by } lascia che i messaggi restino.
}
alert-anyway = Scrivi comunque
choose-message = Scegli questo messaggio
chosen-count = { $count ->
    [one] 1 scelto
   *[other] { $count } scelti
}
chosen-actions = Cosa fare con i messaggi scelti
copied = { $count ->
    [one] Copiato.
   *[other] { $count } messaggi copiati.
}
copy-refused = Il browser non lascia copiare questa pagina. Seleziona il testo e copialo a mano.
delete-title = { $count ->
    [one] Cancellare questo messaggio?
   *[other] Cancellare { $count } messaggi?
}
delete-text-everyone = { $count ->
    [one] Per tutti: sparisce da ogni dispositivo raggiunto. Qui: solo da questo dispositivo.
   *[other] Per tutti: spariscono da ogni dispositivo raggiunto. Qui: solo da questo dispositivo.
}
delete-text-here = { $count ->
    [one] Sparisce solo da questo dispositivo.
   *[other] Spariscono solo da questo dispositivo.
}
delete-everyone = Cancella per tutti
delete-here = Cancella qui
forward-title = Inoltra a
forward-verb = { $count ->
    [0] Inoltra
    [one] Inoltra a una
   *[other] Inoltra a { $count }
}
forwarded-toast = { $count ->
    [one] Inoltrato.
   *[other] Inoltrato a { $count } conversazioni.
}
info-title = Dettagli
info-sent = Inviato
info-edited = Modificato
info-expires = Sparisce
info-read = Letto da
info-delivered = Consegnato a
info-stored = In viaggio verso

## Scrivere

composer-label = Messaggio
composer-placeholder = Scrivi un messaggio
composer-send = Invia
composer-save = Tieni la modifica
composer-replying = Risposta a { $name }
composer-editing = Modifica
composer-cancel-reply = Non rispondere
composer-cancel-edit = Lascia com’era
mention = Persone da nominare
emoji = Emoji
emoji-search = Trova un’emoji
emoji-none = Nessuna emoji con questa parola.
emoji-failed = Le emoji non si sono caricate. Chiudi e riprova.
emoji-tone = Colore della pelle
emoji-tone-0 = Nessun colore della pelle
emoji-tone-1 = Chiara
emoji-tone-2 = Abbastanza chiara
emoji-tone-3 = Media
emoji-tone-4 = Abbastanza scura
emoji-tone-5 = Scura
emoji-group-found = Trovate
emoji-group-recent = Recenti
emoji-group-people = Persone
emoji-group-nature = Natura
emoji-group-food = Cibo
emoji-group-travel = Viaggi
emoji-group-activities = Attività
emoji-group-objects = Oggetti
emoji-group-symbols = Simboli
emoji-group-flags = Bandiere

## Il lato

door-search = Cerca
mute-for = Per { $time }
mute-always = Finché non lo dico io
safety-number = Numero di sicurezza
side-trust = Fiducia e tempo
side-more = Altro
side-yes = confrontato
side-compare = confronta
side-compared = Avete confrontato i numeri.
side-not-compared = Non ancora confrontato
side-compared-people = Confrontati di persona
side-timer = I messaggi spariscono
side-timer-off = mai
count-of = { $count } di { $total }

## Letto ad alta voce, e tasti

live-label = Messaggi nuovi
live-one = { $name }: { $text }
live-many = { $count } messaggi nuovi
live-elsewhere = { $count ->
    [one] 1 messaggio nuovo in un’altra conversazione
   *[other] { $count } messaggi nuovi in altre conversazioni
}
switcher-title = Vai dove vuoi
switcher-placeholder = Una persona, un gruppo, le impostazioni
keys-title = Tasti
keys-anywhere = Ovunque
keys-switch = Vai a una conversazione
keys-search = Cerca qui
keys-search-all = Cerca ovunque
keys-next = Conversazione seguente o precedente
keys-this = Questi tasti
keys-leave = Lascia quel che è aperto
keys-writing = Mentre scrivi
keys-send = Invia
keys-line = A capo
keys-edit-last = Modifica l’ultimo messaggio
keys-mention = Nomina qualcuno
keys-emoji = Emoji per nome
keys-message = Su un messaggio
keys-move = Da un messaggio all’altro
keys-menu = Tutto quel che si può fare
keys-list = Nel menu di una conversazione
keys-single = Le lettere da sole agiscono
keys-single-text = Sul messaggio che ha il fuoco. Spegnilo se parli al dispositivo.

## File

files-photo = { $count ->
    [one] Foto
   *[other] { $count } foto
}
files-video = { $count ->
    [one] Video
   *[other] { $count } video
}
files-voice = { $count ->
    [one] Nota vocale
   *[other] { $count } note vocali
}
files-audio = { $count ->
    [one] Audio
   *[other] { $count } audio
}
files-file = { $count ->
    [one] File
   *[other] { $count } file
}
files-mixed = { $count } file
file-queued = In attesa
file-done = { $done } di { $bytes }
file-speed = { $speed }/s
file-left = ancora { $time }
file-paused-user = In pausa
file-paused-network = In pausa, niente rete. Riprende da solo.
file-paused-sender = In attesa di chi l’ha mandato.
file-paused-no-room = In pausa, su questo dispositivo non c’è più spazio.
file-unsafe = Questo è un programma. Aprilo solo se l’hai chiesto tu.
file-way-direct = diretto
file-way-node = attraverso il nodo
file-get = Scarica { $name }
file-save = Salva { $name }
file-pause = Metti in pausa { $name }
file-resume = Riprendi { $name }
file-cancel = Annulla { $name }
file-progress = { $name }, { $percent }
album-label = { $count } immagini
picture-open = Apri l’immagine { $number } di { $count }
video-open = Apri il video { $number } di { $count }
picture-broken = Questa immagine non si può mostrare
viewer-title = Immagine { $number } di { $count }
viewer-by = { $name }, { $time }
viewer-close = Chiudi
viewer-next = Avanti
viewer-previous = Indietro
viewer-larger = Più grande
viewer-smaller = Più piccola
viewer-save = Salva
viewer-reply = Rispondi
voice-play = Ascolta la nota vocale, { $time }
voice-pause = Metti in pausa la nota vocale
voice-place = Punto nella nota vocale
voice-speed = Velocità { $speed }
voice-goes-on = Nota vocale di { $name }
voice-stop = Ferma
attach = Manda file
attach-pick = Foto, video o file
attach-drop = Lascia andare per mandare
send-files-title = { $count ->
    [one] Manda un file
   *[other] Manda { $count } file
}
send-files-caption = Didascalia
send-files-verb = Manda
send-files-remove = Lascia fuori { $name }
send-files-original = Manda i file originali
send-files-original-hint = Più grandi, con tutto ciò che la fotocamera vi ha scritto.
send-files-place = { $count ->
    [one] Uno di questi file dice dove è stato ripreso.
   *[other] { $count } di questi file dicono dove sono stati ripresi.
}
send-files-metadata = { $count ->
    [one] Uno di questi file dice quando e con che cosa è stato ripreso.
   *[other] { $count } di questi file dicono quando e con che cosa sono stati ripresi.
}
send-files-unclean = { $count ->
    [one] Ciò che la fotocamera ha scritto in uno di questi file non si può togliere qui. Escludilo, o mandalo com’è.
   *[other] Ciò che la fotocamera ha scritto in { $count } di questi file non si può togliere qui. Escludili, o mandali come sono.
}
send-files-without = Manda senza
send-files-preparing = Si preparano: { $done } di { $count }
send-files-too-large = { $name } è più grande di quanto il nodo accetta ({ $limit }).
send-files-too-many = Al massimo { $count } alla volta. Qui ci sono i primi.
send-files-empty = Non è rimasto nulla da mandare.
record = Registra una nota vocale
record-send = Manda la nota vocale
record-throw = Butta via
record-time = Registrazione, { $time }
record-refused = Consenti il microfono nel browser, poi registra di nuovo.
record-none = Nessun microfono trovato. Collegane uno, poi registra di nuovo.
media-title = Foto, file, voce
media-pictures = Foto e video
media-voice = Voce
media-files = File
media-none = Qui ancora nulla.
show-more = Mostra altro
menu-save = Salva

## Chiamate

call-voice = Chiama
call-video = Chiama con la videocamera
call-again = Richiama
call-with = Chiamata con { $name }
call-comes = ti sta chiamando
call-comes-video = ti sta chiamando, con video
call-accept = Solo voce
call-accept-video = Con videocamera
call-decline = Rifiuta
call-write = Rispondi per iscritto
call-word-later = Ti chiamo più tardi.
call-word-back = Puoi richiamare fra dieci minuti?
call-word-write = Ora non posso parlare. Scrivimi.
call-state-calling = chiamo…
call-state-ringing-there = squilla…
call-state-ringing = ti sta chiamando
call-state-answering = mi collego…
call-state-connecting = mi collego…
call-comes-back = sta tornando…
call-direct = Diretta
call-relayed = Tramite il nodo
call-words = Confrontate a voce: sentite le stesse cinque parole
call-their-picture = { $name } in video
call-own-picture = Tu
call-tools = Chiamata
call-small = Riduci la chiamata:
call-large = Ingrandisci la chiamata:
call-mute = Togli l’audio
call-unmute = Ridai l’audio
call-camera-on = Accendi la videocamera
call-camera-off = Spegni la videocamera
call-share = Condividi lo schermo
call-unshare = Smetti di condividere
call-hang-up = Riaggancia
call-over = La chiamata è finita.
call-other-tab = Sei in una chiamata in un’altra scheda.
call-no-permission = Consenti il microfono nel browser, poi richiama.
call-no-device = Nessun microfono o videocamera. Collegane uno, poi richiama.
call-device-busy = Un altro programma usa il microfono o la videocamera. Chiudilo, poi richiama.
call-cannot-seal = Questo browser non può cifrare le chiamate da un capo all’altro, quindi niente chiamata. Usane uno più nuovo.
call-no-relay = Il nodo non fa da tramite per le chiamate. Consenti i collegamenti diretti nelle impostazioni, o chiedi a chi gestisce il nodo.
privacy-calls = Chiamate
privacy-relay = Sempre tramite il nodo
privacy-relay-more = L’altra persona non vede mai il tuo indirizzo di rete. Diretta è più rapida; devono volerlo entrambe.
privacy-noise = Meno rumore
privacy-noise-more = Ventole e tastiere vengono tolte da quello che dici. La musica ne soffre.
privacy-data = Risparmia dati
privacy-data-more = La tua videocamera manda un’immagine più piccola.
call-flip = Gira la videocamera
call-full = Schermo intero
call-full-end = Esci dallo schermo intero
call-float = Immagine nell’immagine
call-more = Altro
call-now = Chiama
call-write-now = Scrivi
call-sharing = Vedono il tuo schermo.
call-push = Tieni premuta la barra spaziatrice per parlare
call-talking = Ti sentono
call-quality-good = Collegamento: buono
call-quality-fair = Collegamento: discreto
call-quality-poor = Collegamento: scarso
call-quality-more = { $loss } % perso, { $rtt } ms andata e ritorno, { $kbits } kbit/s
preview-title = Chiama { $name }
preview-no-camera = La videocamera è spenta. Ti sentiranno soltanto.
preview-skip = La prossima volta chiama subito
device-title = Microfono, altoparlante, videocamera
device-audioinput = Microfono
device-audiooutput = Altoparlante
device-videoinput = Videocamera
device-system = Come dice il sistema
device-nameless = Dispositivo { $number }
device-level = Quanto ti si sente
device-try = Prova il microfono
device-new = { $name } è stato collegato.
device-use = Usalo
device-lost-microphone = Il tuo microfono non c’è più. Ora ti sentono con { $name }.
device-lost-camera = La tua videocamera non c’è più. Ora ti vedono con { $name }.
device-none-microphone = Il tuo microfono non c’è più. Non ti sentono: collegane uno.
device-none-camera = La tua videocamera non c’è più. Ora ti sentono soltanto.
privacy-preview = Prima guardati
privacy-preview-more = Prima di chiamare vedi la tua immagine e quanto ti si sente.
group-call-under-way = C’è una chiamata in corso.
group-call-join = Entra
group-call-begin = Inizia la chiamata
group-call-title = { $name } sta parlando
group-call-title-new = Chiama { $name }
group-call-there = Ci sono: { $names }
group-call-rings = { $name } sta chiamando { $group }
group-call-not-now = Non ora
group-call-here =
    { $count ->
        [one] { $count } qui
       *[other] { $count } qui
    }
group-call-and-more = { $names } e altri { $count }
group-call-grid = Griglia
group-call-speaker = Chi parla
group-call-people = Chi è nella chiamata
group-call-screen = Schermo di { $name }
group-call-muted = senza audio
group-call-speaking = sta parlando
group-call-hand = { $name }: mano alzata
group-call-hand-up = Alza la mano
group-call-hand-down = Abbassa la mano
group-call-leave = Esci dalla chiamata
group-call-before = Pagina precedente
group-call-after = Pagina successiva
group-call-full = La chiamata è piena. Riprova più tardi.
group-call-denied = Il nodo non fa entrare nessuno in questa chiamata. Chiedi a chi lo gestisce.
group-call-ended-removed = Non sei più in questo gruppo, quindi la chiamata per te è finita.
group-call-ended-nobody-there = Nessuno ti ha fatto entrare. Riprova.
group-call-ended-lost = La chiamata si è interrotta. Entra di nuovo.
