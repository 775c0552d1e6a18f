"""Sound: mu-law, the recogniser, the voices, voice activity, and audio that carries its own words."""
