### L'elenco, i messaggi, il campo di testo e le parti comuni.
