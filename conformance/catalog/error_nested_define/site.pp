define i { fail("deep") }
define o { i { "${title}-i": } }
o { "x": }
