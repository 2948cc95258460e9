internal import Foundation

/// A number as a function of another between two limits.
package enum Curve {
  /// The shares of pixels at which Hesse et al. (2021) evaluate: 16 from .01 to 1 in geometric steps.
  package static let maskShares = (0..<16).map { index in
    index == 15 ? 1 : 0.01 * exp(Double(index) / 15 * log(100.0))
  }

  /// The shares of pixels at which insertion and deletion evaluate: 33 from 0 to 1 in equal steps.
  package static let insertionShares = (0...32).map { Double($0) / 32 }

  /// The factors of contrast: 1, .9 and so on to .1.
  package static let contrasts = (1...10).reversed().map { Double($0) / 10 }

  /// The integral by the trapezoid rule.
  package static func area(_ values: [Double], over positions: [Double]) -> Double {
    var area = 0.0
    for index in values.indices.dropFirst() {
      let width = positions[index] - positions[index - 1]
      area += width * (values[index] + values[index - 1]) / 2
    }
    return area
  }
}
