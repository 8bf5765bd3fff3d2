define beta::use(Array[String[1]] $things) { $things.each |$t| { alpha::thing { "${title}-${t}": size => 2, state => "off" } } }
