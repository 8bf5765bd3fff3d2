stage { 'pre': before => Stage['main'] }
stage { 'post': require => Stage['main'] }
class a { notify { 'a': } include b }
class b { notify { 'b': } }
class c { notify { 'c': } }
class { 'a': stage => 'pre' }
class { 'c': stage => post }
