class a { fail("broken ${name}") }
include a
