class a {
  file { '/x' ensure => file }
}
class b {
  $x = = 1
}
