$a = 1
file { '/x':
  ensure => file,
}
