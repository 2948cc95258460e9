/// An attribution beside the mask of the object that it should point at.
package struct Localization: Sendable {
  /// 100 if the strongest pixel, the first of equals, lies on the object, else 0 (Zhang et al., 2018, arXiv
  /// 1608.00507, without a tolerance).
  package let pointing: Double
  /// The share of the map on the object (Arras et al., 2022, arXiv 2003.07258).
  package let mass: Double

  /// - Parameter strengths: for each pixel the sum over channels of magnitudes.
  /// - Returns: nil if the map is 0 everywhere.
  package init?(_ strengths: [Double], mask: [Bool]) {
    precondition(strengths.count == mask.count, "map and mask differ in size")
    let sum = strengths.reduce(0, +)
    guard sum > 0 else { return nil }
    pointing = mask[strengths.best] ? 100 : 0
    mass = zip(strengths, mask).reduce(0) { $0 + ($1.1 ? $1.0 : 0) } / sum
  }
}
