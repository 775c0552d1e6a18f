"""Sound: mu-law, recogniser, voices, voice activity, and audio that carries its own words."""
