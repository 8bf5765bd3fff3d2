include nope::thing
