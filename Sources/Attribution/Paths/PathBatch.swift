import Foundation

/// Points on a path whose gradients are computed together.
package struct PathBatch {
  /// Between 0 and 1; no more than a plan has rows.
  package var positions: [Double]
  /// What the gradient at each of them, or the mean over the way to the next one, is multiplied by.
  package var weights: [Double]
}

extension PathBatch {
  /// The points of a rule, so many at a time.
  package static func points(_ nodes: [Quadrature.Node], rows: Int) -> [PathBatch] {
    stride(from: 0, to: nodes.count, by: max(rows, 1)).map { first in
      let batch = nodes[first..<min(first + max(rows, 1), nodes.count)]
      return PathBatch(positions: batch.map(\.position), weights: batch.map(\.weight))
    }
  }

  /// The edges of so many pieces of a straight line, shorter near the baseline, where most signs change.
  package static func edges(_ pieces: Int) -> [Double] {
    (0...pieces).map { pow(Double($0) / Double(pieces), 1.5) }
  }

  /// The pieces between these edges; a batch begins with the edge that the one before ends with.
  package static func pieces(between edges: [Double], rows: Int) -> [PathBatch] {
    let step = max(rows - 1, 1)
    return stride(from: 0, to: edges.count - 1, by: step).map { first in
      let positions = Array(edges[first..<min(first + rows, edges.count)])
      let lengths = zip(positions.dropFirst(), positions).map { $0 - $1 }
      return PathBatch(positions: positions, weights: lengths + [0])
    }
  }
}
