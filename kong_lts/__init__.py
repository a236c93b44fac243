"""Takes Kong Gateway from 2.8 LTS to 3.4 LTS."""
