file { 'nick': path => '/tmp/real', alias => 'other' }
notify { 'n': require => File['/tmp/real'] }
notify { 'o': require => File['nick'], before => File['other'] }
