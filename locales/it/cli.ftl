### La riga di comando.

cli-words-title = Queste 24 parole sono la tua identità. Scrivile e tienile al sicuro: nessuno può ridartele.
cli-address-title = Il tuo indirizzo:
cli-node-unreachable = Il nodo non risponde ancora. La tua identità è fatta; esegui `sottovoce receive` quando il nodo c’è.
cli-invite-hint = Manda questo link a una persona, per una via di cui ti fidi:
cli-invite-group-hint = Chi ha questo link può chiedere di entrare nel gruppo:
cli-asked = Chiesto. Alla risposta, la conversazione appare da sola.
cli-no-requests = Nessuno chiede.
cli-no-conversations = Ancora nessuna conversazione. Fai un link con `sottovoce invite`, o seguine uno con `accept`.
cli-no-contacts = Ancora nessuno.
cli-no-alerts = Niente è andato storto.
cli-nothing-found = Non si è trovato nulla.
cli-no-messages = Nessun nuovo messaggio.
cli-done = Fatto.
cli-empty-text = non c’è testo da mandare
cli-bad-input = lo standard input non è testo UTF-8
cli-bad-duration = dai una durata da 5s a 1y, come 30s, 5m, 8h, 7d, 4w, 1y, oppure off
cli-text-only = questo non è un tuo messaggio di testo
cli-no-data-folder = questo sistema non ha una cartella dei dati; indicane una con --profile
cli-no-evidence = con questo avviso non c’è una prova
cli-queued = il messaggio è in coda e parte con il prossimo `sottovoce receive` o `send` che raggiunge il nodo
cli-in-progress = continua con il prossimo `sottovoce receive` che raggiunge il nodo
cli-node-silent = il nodo non risponde

## Fin dove è arrivato un messaggio

cli-state-pending = in attesa
cli-state-stored = inviato
cli-state-delivered = consegnato
cli-state-read = letto
cli-state-failed = non inviato

## Che cosa vuol dire lo stato di una conversazione

cli-conversation-suspect = qui un aggiornamento non è riuscito; si aspettano gli altri
cli-conversation-rejoining = fuori passo; si rientra
cli-conversation-disputed = il nodo si contraddice; chi amministra può ricominciarla
cli-conversation-leaving = in uscita
cli-conversation-left = non ne fai più parte
cli-conversation-restarted = ricominciata altrove

## Voci; $who nomina la persona di cui si tratta

cli-entry-unknown = (a questo messaggio serve una versione più nuova)
cli-entry-timer-off = ha spento i messaggi a scomparsa
cli-entry-timer = fa sparire i messaggi dopo la lettura: { $duration }
cli-entry-deleted = (cancellato)
cli-entry-call-group = (chiamata di gruppo, { $duration })
cli-entry-call-group-missed = (chiamata di gruppo persa)
cli-entry-call-talked = (chiamata, { $duration })
cli-entry-call-elsewhere = (chiamata su un altro tuo dispositivo)
cli-entry-call-unanswered = (nessuna risposta)
cli-entry-call-missed = (chiamata persa)
cli-entry-call-declined = (chiamata rifiutata)
cli-entry-call-declined-you = (hai rifiutato la chiamata)
cli-entry-call-busy = (in un’altra chiamata)
cli-entry-call-failed = (la chiamata non è riuscita, o si è interrotta)
cli-entry-began = la conversazione comincia
cli-entry-added = { $who } è tra noi
cli-entry-removed = { $who } non è più qui
cli-entry-became-admin = { $who } ora amministra
cli-entry-no-longer-admin = { $who } non amministra più
cli-entry-renamed = il nome ora è { $title }
cli-entry-ended = non fai più parte di questa conversazione
cli-entry-restarted = la conversazione continua altrove

## Parti di una riga

cli-you = tu
cli-edited = modificato
cli-members = { $count ->
    [one] { $count } membro
   *[other] { $count } membri
}
cli-new = { $count } da leggere
cli-disappearing = a scomparsa: { $duration }
cli-admin = amministra
cli-no-name = (senza nome)
cli-wants-to-talk = vorrebbe parlare con te
cli-invites-to-group = ti invita in un gruppo
cli-asks-to-enter = chiede di entrare in un tuo gruppo
cli-proof = prova
cli-shown-was-here = ciò che si vede c’era già

## Perché un comando non è riuscito

cli-failed-profile-missing = in { $folder } non c’è un profilo; creane uno con `new`
cli-failed-profile-exists = in { $folder } c’è già un profilo; scegli un’altra cartella con --profile
cli-failed-profile-in-use = il profilo in { $folder } è in uso; ferma quel programma o scegli un’altra cartella con --profile
cli-failed-profile-in-use-by = il profilo in { $folder } è in uso dal processo { $process }; ferma quel programma o scegli un’altra cartella con --profile
cli-failed-passphrase-needed = questo profilo ha una frase segreta; dalla in SOTTOVOCE_PASSPHRASE o quando viene chiesta
cli-failed-passphrase-wrong = la frase segreta è sbagliata
cli-failed-key-file = il file della chiave { $file } è danneggiato o più nuovo di questo programma: ripristinalo da una copia
cli-failed-keyring = la chiave di questo profilo è nel portachiavi del sistema, che non la dà: sbloccalo e riprova
cli-failed-random = il sistema non dà numeri casuali
cli-failed-database-missing = qui non c’è una base di dati
cli-failed-database-exists = qui c’è già una base di dati
cli-failed-database-key = la base di dati non si apre: la chiave è un’altra, o il file è danneggiato; ripristinalo da una copia
cli-failed-database-newer = la base di dati ha lo schema { $found }, questa versione conosce { $supported }: installa di nuovo la versione più nuova
cli-failed-database-damaged = la base di dati è danneggiata; ripristinala da una copia, o recupera l’identità con le sue 24 parole
cli-failed-database-busy = la base di dati è in uso da un altro programma
cli-failed-disk-full = il disco è pieno: fai spazio e riprova
cli-failed-no-account = in questo profilo non c’è un’identità; creane una con `new`
cli-failed-has-account = in questo profilo c’è già un’identità
cli-failed-content = così non si può mandare: { $why }
cli-failed-none-conversation = nessuna conversazione si chiama «{ $word }»
cli-failed-none-message = nessun messaggio si chiama «{ $word }»
cli-failed-none-contact = nessun contatto si chiama «{ $word }»
cli-failed-none-request = nessuna richiesta si chiama «{ $word }»
cli-failed-many = «{ $word }» vale per più di uno: { $candidates }
cli-failed-node-url = questo non è l’indirizzo di un nodo: { $why }

## Files

cli-files-many = un messaggio porta al massimo { $most } file
cli-files-one-stream = lo standard input e output portano un solo file
cli-photo-foreign = { $path } è un’immagine da cui qui non si può togliere ciò che la fotocamera vi ha scritto; con --original parte così com’è
cli-photo-bad = { $path } non si può decodificare, quindi non si può togliere nulla; con --original parte così com’è
cli-photo-too-large = { $path } è troppo grande per essere decodificata come immagine; con --original parte così com’è
cli-photo-no-decoder = a { $path } non si può togliere ciò che la fotocamera vi ha scritto: questo sistema non lascia partire un decodificatore; con --original parte così com’è
cli-photo-metadata = { $path } parte così com’è, con ciò che la fotocamera vi ha scritto
cli-photo-place = { $path } parte così com’è, e dice dove è stata scattata
cli-movie-unclean = { $path } è un video da cui qui non si può togliere ciò che la fotocamera vi ha scritto; con --original parte così com’è
cli-movie-stream = da un video dallo standard input non si può togliere ciò che la fotocamera vi ha scritto: indica il file; con --original parte così com’è
cli-file-unreadable = { $path } non è un file che si possa leggere
cli-file-exists = { $path } esiste già; nulla è stato sovrascritto
cli-no-folder = { $path } non è una cartella
cli-no-files = questo messaggio non ha file
cli-file-queued = riprende da dove si è fermato, con il prossimo comando che raggiunge il nodo, come `sottovoce receive --follow`
cli-saved = salvato { $path } ({ $size })
cli-file-executable = aprendolo può avviare un programma
cli-file-uploading = in partenza
cli-file-fetching = in arrivo
cli-file-paused = in pausa
cli-file-failed = fermo
cli-problem-network = il nodo non è raggiungibile; riprende da solo
cli-problem-busy = il nodo è occupato; riprende da solo
cli-problem-changed = il file è cambiato durante l’invio; mandalo di nuovo
cli-problem-unreadable = il file non si può leggere
cli-problem-too-large = il file è più grande di quanto il nodo accetti
cli-problem-node-full = il nodo non ha posto per il file
cli-problem-refused = il nodo lo rifiuta
cli-problem-gone = il nodo non ha più il file; chiedilo a chi l’ha mandato
cli-problem-damaged = quello che il nodo dà non è il file annunciato; riprova più tardi
cli-problem-dishonest = il file non è fatto come dovrebbe; il programma di chi l’ha mandato è guasto
cli-problem-not-yet = non è ancora arrivato al nodo; continua quando chi l’ha mandato è presente
cli-problem-unwritable = il file non si può scrivere lì

# Chiamate senza schermo
cli-call-calling = Chiamo…
cli-call-ringing = Di là squilla.
cli-call-incoming = Qualcuno chiama.
cli-call-connecting = Mi collego…
cli-call-reconnecting = Il collegamento si è interrotto; cerco un’altra via…
cli-call-talking-direct = In collegamento diretto.
cli-call-talking-relayed = In collegamento attraverso il nodo.
cli-call-words = Parole da confrontare: { $words }.
cli-call-waiting = Aspetto chiamate. Ctrl-C per finire.
cli-call-none = non c’è nessuna chiamata
cli-call-no-relay = il nodo non inoltra chiamate; con --direct le due parti possono parlarsi senza di lui
cli-call-no-answer = nessuno ha risposto; riprova più tardi, o scrivi
cli-call-declined = la chiamata è stata rifiutata
cli-call-declined-with = la chiamata è stata rifiutata: “{ $said }”
cli-call-busy = è in un’altra chiamata; riprova più tardi
cli-call-failed = la chiamata non è riuscita o è caduta: una rete di mezzo non la lascia passare, o l’altra parte non può
