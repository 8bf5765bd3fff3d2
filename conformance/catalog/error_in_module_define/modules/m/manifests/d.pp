define m::d {
  file { "/a":
    ensure => file,
    mode => $undefd + 1,
  }
}
