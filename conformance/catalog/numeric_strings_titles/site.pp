notify { '007': message => 007 }
notify { "${1 + 1}": }
file { '/p': mode => '0644', ensure => 'present' }
