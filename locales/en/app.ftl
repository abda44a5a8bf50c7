### The web app around the conversations.
