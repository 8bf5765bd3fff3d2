file {
  default:
    ensure => file,
    mode   => '0644',
  ;
  '/tmp/a':
    content => "a\n",
  ;
  ['/tmp/b', '/tmp/c']:
    mode => '0600',
}
