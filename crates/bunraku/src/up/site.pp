# The main manifest of environment 'production'. Every node without a node definition of its own gets this one.
node default {
  notify { 'Bunraku is set up and serving catalogs.': }
}
