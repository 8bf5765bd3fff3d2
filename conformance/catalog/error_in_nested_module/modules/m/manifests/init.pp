class m {
  include m::sub
}
