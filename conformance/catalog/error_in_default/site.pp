class a($x = fail("dflt")) { }
include a
