package { 'nginx': ensure => installed, provider => 'apt' }
package { ['a','b']: ensure => latest }
service { 'nginx': ensure => running, enable => true, subscribe => Package['nginx'] }
user { 'joe': ensure => present, uid => 1000, groups => ['a','b'] }
group { 'joe': gid => '1000' }
