extension Double {
  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}

extension Float {
  /// Within 3e-7 of the logistic function, relatively, for |x| up to 80.
  ///
  /// Without a call or a branch, so that loops over it are vectorised: exp(-x) = 2^n exp(r) with n
  /// the integer nearest to -x / log 2 and the series of exp(r) up to the seventh power,
  /// |r| <= log(2) / 2.
  @inline(__always)
  static func sigmoid(_ x: Float) -> Float {
    let argument = smaller(larger(-x, -80), 80)
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the significand.
    let shifted = argument * 1.442695 + 12_582_912
    let n = shifted - 12_582_912
    // log 2 in two parts, of which the first has so few bits that its products are exact.
    let r = (argument - n * 0.693359375) + n * 2.12194440e-4
    var series: Float = 1 / 5040
    series = series * r + 1 / 720
    series = series * r + 1 / 120
    series = series * r + 1 / 24
    series = series * r + 1 / 6
    series = series * r + 0.5
    series = series * r + 1
    series = series * r + 1
    let exponential = Float(bitPattern: series.bitPattern &+ (shifted.bitPattern << 23))
    return x == x ? 1 / (1 + exponential) : x
  }
}
