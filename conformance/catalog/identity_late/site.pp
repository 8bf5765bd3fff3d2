class p { file { "/a": } file { "b": path => "/bb" } }
class q inherits p { File["b"] { path => "/a" } }
include q
