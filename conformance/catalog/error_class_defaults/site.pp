Class { noop => true }
