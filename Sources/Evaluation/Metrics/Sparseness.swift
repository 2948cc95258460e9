/// The Gini index of the magnitudes of numbers: 0 if all are equal, near 1 if few hold everything
/// (Hurley and Rickard, 2009, arXiv 0811.4706; Chalasani et al., 2020, arXiv 1810.06583).
///
/// Numbers that are all 0 have no index: nil.
package func giniIndex(_ numbers: [Double]) -> Double? {
  let sorted = numbers.map(abs).sorted()
  let sum = sorted.reduce(0, +)
  guard sum > 0 else { return nil }
  let count = Double(sorted.count)
  let weighted = sorted.enumerated().reduce(0.0) { total, item in
    total + item.element / sum * (count - Double(item.offset + 1) + 0.5) / count
  }
  return 1 - 2 * weighted
}
