define d($noop) { }
d { "x": noop => true }
