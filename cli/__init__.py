"""The ``dancepose`` command: one thin module per verb; nothing else imports it."""
