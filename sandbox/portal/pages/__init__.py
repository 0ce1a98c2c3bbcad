"""The key user's pages: plain HTML from the server, in German and English, without scripts."""
