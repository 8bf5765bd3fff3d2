notify { "ünïcödé ✓": message => 'straße' }
file { '/tmp/ä': ensure => file, content => "\u00e9" }
notify { 'lower': message => ['ÄB'.downcase, 'äb'.upcase, 'héllo'.length, 'héllo'[1,2]] }
