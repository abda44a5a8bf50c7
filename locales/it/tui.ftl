### La chat nel terminale.

## Ciò che sta sullo schermo

tui-app = Sottovoce
tui-quiet = Dillo piano. Sentono solo loro.
tui-nobody = Ancora nessuno. Manda il tuo link a una persona.
tui-nobody-keys = Premi n per cominciare.
tui-choose = Scegli una conversazione.
tui-you = tu
tui-deleted = eliminato
tui-needs-newer = questo messaggio richiede una versione più nuova
tui-quote-gone = un messaggio che qui non c’è
tui-folded = … Invio lo mostra tutto
tui-edited = modificato
tui-draft = Bozza:
tui-offline = Niente rete. Puoi leggere e scrivere; parte dopo.
tui-connecting = connessione…
tui-write = Scrivi un messaggio
tui-replying = Rispondi a { $name }:
tui-editing = Modifica il tuo messaggio
tui-esc-leaves = Esc esce
tui-newest = Fine: i più nuovi
tui-too-small = Un po’ più di spazio, per favore.
tui-new-messages = { $count ->
    [one] 1 nuovo messaggio
   *[other] { $count } nuovi messaggi
}
tui-today = Oggi
tui-yesterday = Ieri
tui-typing-one = { $name } sta scrivendo…
tui-typing-two = { $name } e { $other } stanno scrivendo…
tui-typing-many = { $count } persone stanno scrivendo…
tui-in-call-one = È in corso una chiamata: { $name }
tui-in-call-many = È in corso una chiamata: { $count } persone
tui-members = { $count ->
    [one] solo tu
   *[other] { $count } persone
}
tui-state-pending = in attesa
tui-state-stored = presso il nodo
tui-state-delivered = consegnato
tui-state-read = letto
tui-state-failed = non inviato
tui-not-sent-over = Non inviato: per te questa conversazione è finita. Copialo (c) e scrivi altrove.
tui-not-sent = Non inviato. Sceglilo e premi Invio per rimandarlo.
tui-no-terminal = La chat ha bisogno di un terminale; gli altri comandi no.

## Che cosa è successo a una conversazione

tui-added = { $name } ora è qui
tui-added-you = Ora sei qui
tui-removed = { $name } non è più qui
tui-removed-you = Non sei più qui
tui-became-admin = { $name } ora amministra
tui-became-admin-you = Ora amministri
tui-no-longer-admin = { $name } non amministra più
tui-no-longer-admin-you = Non amministri più
tui-renamed = Ora il nome è { $title }
tui-ended = Non fai più parte di questa conversazione
tui-restarted = La conversazione continua altrove
tui-call-group = Chiamata di gruppo, { $time }
tui-call-group-missed = Chiamata di gruppo persa
tui-call-talked = Chiamata, { $time }
tui-call-elsewhere = Chiamata su un altro tuo dispositivo
tui-call-unanswered = Nessuna risposta
tui-call-missed = Chiamata persa
tui-call-declined = Chiamata rifiutata
tui-call-declined-you = Hai rifiutato la chiamata
tui-call-busy = In un’altra chiamata
tui-call-failed = La chiamata non è riuscita, o si è interrotta
tui-timer-set = { $name } fa sparire i messaggi { $time } dopo la lettura
tui-timer-set-you = Fai sparire i messaggi { $time } dopo la lettura
tui-timer-unset = { $name } non fa più sparire i messaggi
tui-timer-unset-you = Non fai più sparire i messaggi
tui-is-suspect = un aggiornamento qui non è riuscito; aspetta gli altri
tui-is-rejoining = fuori passo; rientra
tui-is-disputed = il nodo si contraddice; chi amministra può ricominciarla
tui-is-leaving = in uscita
tui-is-left = non ne fai più parte
tui-is-restarted = continua altrove

## Tempi

tui-years = { $count ->
    [one] 1 anno
   *[other] { $count } anni
}
tui-weeks = { $count ->
    [one] 1 settimana
   *[other] { $count } settimane
}
tui-days = { $count ->
    [one] 1 giorno
   *[other] { $count } giorni
}
tui-hours = { $count ->
    [one] 1 ora
   *[other] { $count } ore
}
tui-minutes = { $count ->
    [one] 1 minuto
   *[other] { $count } minuti
}
tui-seconds = { $count ->
    [one] 1 secondo
   *[other] { $count } secondi
}
tui-left-days = { $count } g
tui-weekdays = lunedì martedì mercoledì giovedì venerdì sabato domenica
tui-weekdays-short = lun mar mer gio ven sab dom
tui-months = gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
tui-day-near = { $weekday } { $day } { $month }
tui-day-far = { $day } { $month } { $year }

## Richieste

tui-request-talk = { $name } vorrebbe scriverti
tui-request-join = { $name } ti invita in un gruppo
tui-request-enter = { $name } chiede di entrare in { $group }
tui-request-enter-some = { $name } chiede di entrare in un tuo gruppo
tui-request-accept = Accetta
tui-request-delete = Elimina
tui-request-block = Blocca
tui-request-safe = Finché non accetti non ne viene a sapere nulla.

## Parole brevi dopo un gesto

tui-copied = Copiato.
tui-done = Fatto.
tui-not-done = Non ha funzionato
tui-asked = Chiesto. Quando arriva la risposta, la conversazione appare da sé.
tui-no-files = Qui non ci sono file.
tui-saving = Salvo…
tui-save = Salva
tui-show-picture = Mostra l’immagine
tui-pause = Metti in pausa
tui-go-on = Riprendi
tui-cancel-files = Annulla
tui-not-text = Questo non è un tuo testo.
tui-nothing-chosen = Prima scegli un messaggio: Tab, poi le frecce.
tui-nothing-to-edit = Qui non hai ancora scritto.
tui-too-long = È troppo lungo per un messaggio. Mandalo a pezzi.
tui-no-contacts = Ancora nessuno da aggiungere. Prima invita qualcuno.
tui-nothing-found = Non si trova nulla.
tui-no-alerts = Tutto è in ordine.
tui-wait = Un momento…
tui-blocked = Fatto: ciò che ne arriva si scarta.
tui-receipts-are-on = Da ora mandi le conferme di lettura.
tui-receipts-are-off = Non mandi più le conferme di lettura.
tui-exported = La prova è in { $file }.

## Titoli, campi e gesti

tui-go-to = Vai a
tui-go-to-hint = una persona, una conversazione, qualcosa da fare
tui-search = Cerca
tui-search-within = Cerca: { $title }
tui-search-hint = parole o i loro inizi
tui-search-here = Cerca qui
tui-help = Tasti
tui-alerts = Che cosa non andava
tui-begin = Comincia
tui-invite = Crea un link d’invito
tui-invite-title = Il tuo invito
tui-invite-one = Per una persona. Mandalo per una via di cui ti fidi; vale 7 giorni.
tui-invite-group = Chi ha questo link può chiedere di entrare nel gruppo. Vale 7 giorni.
tui-invite-group-open = Link d’invito
tui-invite-group-ask = Link d’invito, prima chiedi a me
tui-no-qr = Una finestra più grande mostra un codice da scansionare.
tui-accept = Segui un link d’invito
tui-accept-field = Il link intero
tui-accept-verb = Segui
tui-add = Scrivi a un indirizzo
tui-add-field = account@nodo
tui-add-verb = Chiedi
tui-new-group = Crea un gruppo
tui-group-field = Il nome del gruppo
tui-group-verb = Crea
tui-rename = Cambia nome al gruppo
tui-rename-verb = Cambia
tui-own-name = Cambia il tuo nome
tui-own-name-field = Come vuoi farti chiamare?
tui-own-name-verb = Cambia
tui-own-address = Copia il tuo indirizzo
tui-receipts-on = Manda le conferme di lettura
tui-receipts-off = Non mandare le conferme di lettura
tui-quit = Esci da Sottovoce
tui-conversation = Questa conversazione
tui-direct = Scrivi solo a questa persona
tui-message = Questo messaggio
tui-reply = Rispondi
tui-react = Reagisci
tui-react-other = Qualcos’altro…
tui-react-field = Una emoji
tui-react-back = Togli la tua reazione
tui-copy = Copia il testo
tui-edit = Modifica
tui-send-again = Rimanda
tui-to-original = Vai a ciò a cui risponde
tui-delete = Elimina per tutti
tui-delete-body = Sparisce anche dai loro dispositivi, alla prossima connessione.
tui-info = Chi lo ha
tui-timer = Messaggi che spariscono
tui-timer-body = Quanto dopo la lettura
tui-timer-off = Mai
tui-safety = Numero di sicurezza
tui-safety-body = Uguale sui due schermi? Allora tra voi non c’è nessuno.
tui-people = Persone
tui-add-people = Aggiungi persone
tui-remove = Rimuovi dal gruppo
tui-remove-title = Rimuovere { $name }?
tui-make-admin = Fai amministrare
tui-no-admin = Non far più amministrare
tui-admin = amministra
tui-block = Blocca
tui-block-title = Bloccare { $name }?
tui-block-body = Ciò che ne arriva si scarta, senza dirlo.
tui-leave = Lascia il gruppo
tui-leave-title = Lasciare il gruppo?
tui-delete-title = Eliminare per tutti?
tui-leave-body = Non leggi più ciò che vi si scrive. Ciò che hai resta con te.
tui-restart = Ricomincia con le stesse persone
tui-export = Scrivi la prova in un file
tui-cancel = Annulla

## La riga in basso: quanti ce ne stanno, divisi da ·

tui-keys-list = Invio apri · n comincia · / cerca · Ctrl-K vai a · ? tasti · q esci
tui-keys-timeline = ↑↓ scegli · r rispondi · + reagisci · e modifica · Canc elimina · Invio altro · ? tasti
tui-keys-composer = Invio manda · Alt-Invio riga · ↑ modifica · Tab messaggi · Ctrl-O altro · F1 tasti
tui-keys-pick = ↑↓ scegli · Invio · Esc
tui-keys-ask = { $verb }: Invio · Esc
tui-keys-tell = ↑↓ · Esc
tui-keys-copy = c lo copia · Esc
tui-keys-export = x { $verb } · Esc
tui-keys-add = Spazio sceglie · Invio aggiunge
tui-keys-confirm = Invio: { $verb }
tui-keys-cancel = Esc: { $verb }

## Il foglio dei tasti

tui-key-round = Tab, Maiusc-Tab
tui-does-round = elenco, testo, messaggi
tui-key-go-to = Ctrl-K
tui-does-go-to = vai a una persona, una conversazione, qualcosa da fare
tui-key-search = Ctrl-F, /
tui-does-search = cerca in tutte le conversazioni
tui-key-begin = Ctrl-N, n
tui-does-begin = comincia: invito, link, indirizzo, gruppo
tui-key-more = Ctrl-O
tui-does-more = questa conversazione: persone, tempo, numero di sicurezza
tui-key-next = Alt-↑, Alt-↓
tui-does-next = conversazione vicina
tui-key-send = Invio
tui-does-send = manda; apri ciò che è scelto
tui-key-line = Alt-Invio, Maiusc-Invio
tui-does-line = una riga nuova
tui-key-edit = ↑
tui-does-edit = in un testo vuoto: modifica il tuo ultimo messaggio
tui-key-words = Ctrl-←, Ctrl-→, Ctrl-W
tui-does-words = parole: passa, elimina
tui-key-ends = Ctrl-A, Ctrl-E, Ctrl-U
tui-does-ends = riga: inizio, fine, elimina
tui-key-pages = PagSu, PagGiù, Fine
tui-does-pages = leggi indietro, avanti, i più nuovi
tui-key-reply = Ctrl-R
tui-does-reply = rispondi al messaggio più nuovo
tui-key-message = r + e c s i Canc
tui-does-message = messaggio scelto: rispondi, reagisci, modifica, copia, salva file, chi lo ha, elimina
tui-key-back = Esc
tui-does-back = indietro
tui-key-redraw = Ctrl-L
tui-does-redraw = ridisegna lo schermo
tui-key-leave = Ctrl-Q, Ctrl-C
tui-does-leave = esci; ciò che hai scritto resta
tui-key-mouse = Mouse
tui-does-mouse = clic, rotella; con Maiusc si sceglie il testo

## Rifiuti che errors.ftl dice per il web

tui-error-no-request = Questa richiesta non c’è più.
tui-error-too-new = Serve una versione più nuova di Sottovoce.
