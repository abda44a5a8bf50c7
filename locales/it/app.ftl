### L'app intorno alle conversazioni.
