class roles::web { include profiles::base include profiles::nginx Class['profiles::base'] -> Class['profiles::nginx'] }
class profiles::base { package { ['curl','vim']: ensure => installed } user { 'deploy': ensure => present, managehome => true } }
class profiles::nginx(Integer $port = 80, Hash $sites = {}) {
  package { 'nginx': ensure => installed }
  -> file { '/etc/nginx/nginx.conf': ensure => file, content => "port ${port}\n" }
  ~> service { 'nginx': ensure => running, enable => true }
  $sites.each |$name, $site| { profiles::site { $name: * => $site } }
}
define profiles::site(String $docroot, Integer $port = 80, Array[String] $aliases = []) {
  file { "/etc/nginx/sites/${name}.conf": ensure => file, content => "root ${docroot}; port ${port}; ${aliases.join(' ')}", notify => Service['nginx'] }
  file { $docroot: ensure => directory }
}
node default {
  class { 'profiles::nginx': port => 8080, sites => { 'a.example' => { 'docroot' => '/srv/a' }, 'b.example' => { 'docroot' => '/srv/b', 'port' => 81, 'aliases' => ['x','y'] } } }
  include roles::web
}
