import Graphs
package import Tensors

extension DifferentiableFunction {
  /// Integrated Gradients along the straight line from `baseline` to `point`:
  /// (x - x') times the integral of the gradient at x' + a(x - x') over a in 0...1
  /// (Sundararajan et al., 2017, arXiv 1703.01365).
  ///
  /// Steps run in batches of the function's size; the sum is kept in double precision and grows as
  /// batches come, so memory does not depend on the number of steps.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - baseline: a batch of one row.
  ///   - progress: told of the share of steps that are done; what it throws ends the run.
  package func integratedGradients(
    at point: Tensor, from baseline: Tensor, target: Int, nodes: [Quadrature.Node],
    progress: (Double) throws -> Void = { _ in }
  ) throws -> AttributionMap {
    let before = passes
    let end = point.converted(to: .float64).elements(as: Double.self)
    let start = baseline.converted(to: .float64).elements(as: Double.self)
    let difference = zip(end, start).map { $0 - $1 }
    let score = try scores(at: point)[0][target]
    let baselineScore = try scores(at: baseline)[0][target]
    var integral = [Double](repeating: 0, count: end.count)
    let rows = Self.rows(for: nodes.count, atMost: batchSize)
    var done = 0
    while done < nodes.count {
      let batch = Self.batch(of: nodes, from: done, rows: rows)
      let points = points(on: start, difference, at: batch)
      let gradients = try gradients(at: points, target: target).gradients
      accumulate(gradients, weights: batch.map(\.weight), into: &integral)
      done += rows
      try progress(min(1, Double(done) / Double(nodes.count)))
    }
    for index in integral.indices { integral[index] *= difference[index] }
    return AttributionMap(
      values: Tensor(integral, shape: pointShape), score: score, baselineScore: baselineScore,
      passes: passes - before)
  }

  /// Points per batch that spread the steps evenly, so that the last batch is hardly smaller.
  private static func rows(for steps: Int, atMost limit: Int) -> Int {
    let batches = (steps + limit - 1) / max(limit, 1)
    return (steps + batches - 1) / max(batches, 1)
  }

  /// The next nodes; the last batch is filled up with nodes of weight 0, so that all have one size.
  private static func batch(
    of nodes: [Quadrature.Node], from start: Int, rows: Int
  ) -> [Quadrature.Node] {
    let batch = nodes[start..<min(start + rows, nodes.count)]
    let filler = Quadrature.Node(position: batch.last?.position ?? 0, weight: 0)
    return batch + Array(repeating: filler, count: rows - batch.count)
  }

  private func points(
    on start: [Double], _ difference: [Double], at nodes: [Quadrature.Node]
  ) -> Tensor {
    let shape = Shape([nodes.count] + pointShape)
    func fill<E: NumericElement>(_ type: E.Type) -> Tensor {
      Tensor(type, shape: shape) { elements in
        for (row, node) in nodes.enumerated() {
          for index in start.indices {
            elements.initializeElement(
              at: row * start.count + index,
              to: E(converting: start[index] + node.position * difference[index]))
          }
        }
      }
    }
    return elementType == .float64 ? fill(Double.self) : fill(Float.self)
  }

  private func accumulate(_ gradients: Tensor, weights: [Double], into sum: inout [Double]) {
    func add<E: NumericElement>(_ type: E.Type) {
      gradients.withElements(as: type) { elements in
        for (row, weight) in weights.enumerated() {
          for index in sum.indices {
            sum[index] += weight * elements[row * sum.count + index].asDouble
          }
        }
      }
    }
    if elementType == .float64 { add(Double.self) } else { add(Float.self) }
  }
}
