### Una frase per ogni rifiuto (error-CODICE) e per ogni avviso (alert-CODICE).

error-unknown = Qualcosa non ha funzionato ({ $code }). Nulla è cambiato. Riprova; se succede ancora, ricarica la pagina.

## Ciò che si chiede non si può

error-no-conversation = Questa conversazione non c’è più.
error-no-request = Questa richiesta non c’è più. Forse hai già risposto in un’altra scheda.
error-no-contact = Qui non conosci ancora questa persona. Mandale il tuo link, o aggiungi prima il suo indirizzo.
error-no-member = Questa persona non è nel gruppo.
error-no-message = Questo messaggio non c’è più.
error-is-member = Questa persona è già nel gruppo.
error-not-admin = Può farlo solo chi amministra. Chiedi a una di queste persone.
error-not-active = Non fai più parte di questa conversazione. Puoi ancora leggerla.
error-is-direct = Qui si parla in due, e non si può cambiare. Crea invece un gruppo.
error-last-admin = Nessun altro amministra. Dai prima l’incarico a qualcuno.
error-too-many-members = In un gruppo c’è posto per 1.024 dispositivi. Rimuovi prima qualcuno.
error-too-long = È troppo lungo: { NUMBER($found) } byte, al massimo { NUMBER($limit) }. Accorcialo o mandalo a pezzi.
error-empty = Non c’è ancora scritto nulla.
error-bad-content = Così non si può mandare. Accorcialo o riscrivilo.
error-text-only = Puoi cambiare solo un tuo messaggio di testo.
error-bad-link = Questo non è un link d’invito, o ne manca un pezzo. Copialo intero e riprova.
error-bad-address = Questo non è un indirizzo. Chiedilo di nuovo e copialo tutto.
error-bad-node = Questo non è l’indirizzo di un nodo. Comincia con https:// e nomina un server.
error-invite-gone = Questo invito è già stato usato o è scaduto. Chiedine uno nuovo.
error-own-invite = Questo è il tuo link. Mandalo a qualcun altro.
error-forged = Il nodo ha dato qualcosa di diverso da ciò che il link nomina. Non usare questo link; chiedine uno nuovo per un’altra via.
error-no-door = A questo indirizzo non risponde nessuno. Controllalo con chi te l’ha dato.
error-not-broken = Questa conversazione è in ordine e non va ricominciata.
error-too-new = Serve una versione più nuova. Ricarica la pagina per aggiornare.
error-no-evidence = Con questo avviso non c’è una prova.
error-safety-mismatch = I codici sono diversi. Non confidare nulla di segreto; scansiona di nuovo, o vedetevi e confrontate le cifre.
error-safety-not-us = L’altro dispositivo non parla con la tua identità. Non confidare nulla di segreto; chiedi con chi sta parlando.
error-safety-not-them = Questo dispositivo è di un’identità diversa da quella con cui parli. Qui non confidare nulla di segreto.
error-bad-qr = Questo non è il codice di un numero di sicurezza. Aprilo sull’altro dispositivo e scansiona quello.
error-picture-too-large = Questa immagine è troppo grande. Scegline un’altra.

## Parole e frase segreta

error-words-count = { $found ->
    [one] C’è 1 parola; qui ne servono 24. Controlla che non ne manchi nessuna.
   *[other] Ci sono { $found } parole; qui ne servono 24. Controlla che non ne manchi nessuna.
}
error-words-unknown = La parola { $position } non è nell’elenco. Forse c’è un errore di scrittura.
error-words-checksum = Le parole non vanno insieme: una è sbagliata, o due sono scambiate. Confrontale con il foglio.
error-bad-words = Queste non sono le 24 parole di una frase. Confrontale con il foglio: una è sbagliata, manca o è scambiata.
error-passphrase-needed = C’è una frase segreta. Scrivila per andare avanti.
error-passphrase-wrong = Non è la frase giusta. Riprova; le maiuscole contano.
error-key-damaged = La chiave in questo browser è danneggiata. Rientra con le tue 24 parole.

## Identità e memoria

error-storage-lost = Ciò che era conservato in questo browser non c’è più. Rientra con le tue 24 parole.
error-database-failed = Ciò che è conservato qui non si raggiunge in questo momento. Ricarica la pagina; nulla è perduto.
error-random = Questo dispositivo non dà numeri casuali, e senza nulla è al sicuro. Riavvia il browser.
error-not-allowed = Così non si può mandare. Cambialo e riprova.
error-bad-input = Un nostro errore ha fermato tutto. Nulla è cambiato. Ricarica la pagina e riprova.
error-bad-picture = Questa immagine non si legge. Scegline un’altra; JPEG e PNG vanno sempre bene.
error-no-account = In questo browser non c’è un’identità. Creane una, o rientra con le tue 24 parole.
error-has-account = In questo browser c’è già un’identità. Ricarica la pagina per vederla.
error-database-missing = Ciò che era conservato in questo browser non c’è più. Rientra con le tue 24 parole.
error-database-exists = In questo browser è già conservato qualcosa. Ricarica la pagina per vederlo.
error-database-wrong-key = Ciò che è conservato qui non si apre con la sua chiave. Rientra con le tue 24 parole.
error-database-newer = Ciò che è conservato qui è di una versione più nuova. Chiudi tutte le schede e riapri l’app per aggiornare.
error-database-damaged = Ciò che è conservato qui è danneggiato. Rientra con le tue 24 parole.
error-database-busy = Un’altra scheda sta usando ciò che è conservato qui. Aspetta un momento, o chiudila.
error-storage-full = Su questo dispositivo non c’è più posto. Nulla è perduto: fai posto, poi riprova.
error-storage-refused = Questo browser non concede una memoria che resti. Permettila nelle impostazioni, o esci dalla navigazione privata.
error-internal = Un nostro errore ha fermato tutto. Nulla è cambiato. Ricarica la pagina e riprova.
error-stopped = L’app si è fermata in questa scheda. Ricarica la pagina.

## Rete e nodo

error-offline = Il tuo nodo non è ancora stato raggiunto. Collegati una volta, poi riprova.
error-refused = Il nodo ha rifiutato. Aspetta un po', poi riprova.
error-busy = Il nodo è occupato. Si riprova da solo.
error-node-unreachable = Il nodo non si raggiunge. Controlla l’indirizzo e la rete, poi riprova.
error-node-timeout = Il nodo non risponde. Riprova tra un momento.
error-node-insecure = L’indirizzo di questo nodo non è protetto. Deve cominciare con https://.
error-node-tls = Il certificato del nodo non è in ordine. Controlla l’indirizzo, o chiedi a chi lo gestisce.
error-not-a-node = A questo indirizzo non c’è un nodo. Controlla che sia scritto bene.
error-node-malformed = Il nodo risponde cose senza senso. Controlla l’indirizzo, o usa un altro nodo.

## Notifiche

error-push-denied = Il browser non permette le notifiche. Permettile per questa pagina nelle sue impostazioni, poi riattivale qui.
error-push-failed = Non è stato possibile attivare le notifiche. Controlla la rete, poi riprova.
error-push-unsupported = Questo browser non può avvisarti ad app chiusa. Installa l’app, o lascia aperta una scheda.

## Ciò che bisogna sapere

alert-somebody = Qualcuno
alert-two-histories = Il nodo ha raccontato a te e ad altri due storie diverse
    .safe = Ciò che hai scritto resta segreto e nulla è perduto. Qui Sottovoce non crede più a questo nodo.
    .todo = Salva la prova e mostrala a chi gestisce il nodo. Chi amministra può ricominciare la conversazione.
alert-lost-items = Il nodo ha perso messaggi che aveva preso
    .safe = Erano ancora qui e sono stati mandati di nuovo.
    .todo = Se succede ancora, chiedi a chi gestisce il nodo, o passa a un altro.
alert-withholds = Il nodo trattiene qualcosa
    .safe = Ciò che hai è completo e segreto; qualcosa di più nuovo non è arrivato.
    .todo = Aspetta un po'. Se resta così, chiedi a chi gestisce il nodo.
alert-key-package-reused = Un primo messaggio non si è potuto aprire
    .safe = È stato buttato. Le tue conversazioni sono al sicuro.
    .todo = Se qualcuno dice di non raggiungerti, mandagli un link nuovo.
alert-flooding = Qualcuno qui manda cose che nessuno può leggere
    .safe = Vengono buttate. I tuoi messaggi sono al sicuro.
    .todo = Chiedi a chi amministra di guardare, o lascia il gruppo.
alert-broken-update = Un aggiornamento di { $name } qui non è riuscito
    .safe = Nulla è perduto. L’app sta rientrando da sola.
    .todo = Se entro un giorno non va avanti, chi amministra può ricominciare la conversazione.
alert-member-rejoins = { $name } sta rientrando dopo un aggiornamento non riuscito
    .safe = Nulla è perduto. A questa persona può mancare ciò che si scrive nel frattempo.
    .todo = Non c’è nulla da fare. Se succede spesso, chiedi se la sua app è aggiornata.
alert-changes-keys-too-often = { $name } cambia chiave troppo spesso
    .safe = I tuoi messaggi restano segreti.
    .todo = Chiedi se il suo dispositivo è in ordine. Chi amministra può rimuoverlo.
alert-member-contradicts = { $name } e il nodo non concordano
    .safe = Ciò che vedi è autentico e nulla è perduto.
    .todo = Chiedi di ricaricare l’app. Se succede ancora, salva la prova se c’è e chiedi a chi amministra.
alert-restored = Questo dispositivo è tornato da una copia più vecchia
    .safe = L’app rientra da sola. Qui può mancare ciò che è venuto dopo la copia.
    .todo = Usa una copia sola. Gli altri possono rimandare ciò che manca.
alert-invite-leaked = Qualcun altro ha provato il tuo link
    .safe = Non è entrato: era per una persona sola.
    .todo = Chiedi a chi l’hai mandato dove altro è finito. Per gli altri fai un link nuovo.
alert-door-flooded = Bussano troppi sconosciuti
    .safe = Le tue conversazioni continuano come sempre; le nuove richieste aspettano.
    .todo = Non c’è nulla da fare. Dai un link invece del tuo indirizzo.
alert-gap = Qui mancano dei messaggi
    .safe = Ciò che vedi è autentico. Quello scritto tra l’uscita e il rientro non è mai arrivato su questo dispositivo.
    .todo = Chiedi agli altri di rimandare ciò che conta.
alert-wrong-node = A questo indirizzo risponde un altro nodo
    .safe = Non gli è stato mandato nulla.
    .todo = Chiedi a chi gestisce il nodo se è stato rifatto.
alert-not-reached = { $name } non è stato raggiunto
    .safe = Nulla di ciò che era destinato a questa persona è andato ad altri.
    .todo = L’invito era già usato, chiuso o scaduto. Chiedine uno nuovo, oppure mandane uno tu.
alert-key-changed = La chiave di { $name } è nuova
    .safe = Un telefono nuovo, o qualcuno che finge. La scrittura è in pausa finché non guardi.
    .todo = Confronta il numero di sicurezza prima di scrivere qualcosa che conta.
alert-unknown = Qui qualcosa non è in ordine
    .safe = Nulla di ciò che hai scritto è perduto.
    .todo = Ricarica la pagina per aggiornare; una versione più nuova può saperne di più.

## File

error-file-network = Il nodo non si raggiunge. Riprende da solo.
error-file-busy = Il nodo è occupato. Riprende da solo.
error-file-changed = Questo file è cambiato mentre partiva. Mandalo di nuovo.
error-file-unreadable = Questo file non si può leggere. Sceglilo di nuovo.
error-movie-unknown = Ciò che la fotocamera ha scritto in questo video non si può togliere qui. Mandalo come file originale, o escludilo.
error-file-too-large = Questo file è più grande di quanto il nodo accetta. Mandalo a pezzi, o usa un nodo che accetta di più.
error-file-node-full = Il nodo non ha spazio per questo file. Riprova più tardi, o chiedi a chi lo gestisce.
error-file-refused = Il nodo ha rifiutato questo file. Aspetta un poco, poi riprova.
error-file-gone = Il nodo non ha più questo file. Chiedilo di nuovo.
error-file-damaged = Il nodo ha dato altro al posto di questo file. Riprova; nulla di sbagliato è stato tenuto.
error-file-dishonest = Questo file non è fatto come dovrebbe. Chiedi che venga mandato di nuovo.
error-file-not-yet = Questo file non è ancora arrivato al nodo. Continua quando chi l’ha mandato è presente.
error-file-unwritable = Questo file non si può scrivere qui. Scegli un altro posto.
error-bad-audio = Qui non si può ascoltare. Salvalo e aprilo con un altro programma.
error-in-call = Sei in una chiamata. Prima chiudila.
error-not-direct = Questo è un gruppo. Partecipa alla sua chiamata.
error-not-a-group = Questo non è un gruppo. Chiama l’altra persona.
error-not-reachable = Questa persona non si può chiamare. Guarda se la conversazione è ancora aperta e nessuno è bloccato.
error-call-over = Questa chiamata è finita.
