package import Tensors

/// How far numbers may be apart that an axiom says are equal.
///
/// In float64 rounding is far below, and what the stabilizer of LRP takes is too. In float32 it flips the signs before some ReLUs, and each flip moves
/// a gradient by a step, so that two ways to compute one map of a deep network differ by percents.
package struct AxiomTolerance: Sendable {
  /// Of two maps of one function, by their relative distance.
  package let map: Double
  /// Of sums and scores, relative.
  package let sum: Double
  /// Of sums over a path that is integrated in steps, relative.
  package let integral = 0.01
  /// The share of a change of the score below which its feature counts as without attribution.
  package let share: Double

  package init(_ elementType: ElementType) {
    let isDouble = elementType == .float64
    map = isDouble ? 1e-6 : 0.05
    sum = isDouble ? 1e-6 : 1e-3
    share = isDouble ? 1e-12 : 1e-6
  }
}
