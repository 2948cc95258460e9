package import Graphs
import Tensors

/// Numbers of the standard normal distribution, which say nothing: what others are judged by.
package struct RandomAttribution: AttributionMethod {
  package static let name = "random"
  package static let title = "Random"
  package static let summary = "Random numbers, by which others are judged."

  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var drawsNumbers: Bool { true }
  package var readsPrecision: Bool { false }
  package var readsPoint: Bool { false }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try problem.function.requireDependence()
    return try problem.mapped { _, _ in
      var noise = problem.randomness.noise("random attribution")
      let shape = problem.function.pointShape
      return Tensor((0..<shape.elementCount).map { _ in noise.normal() }, shape: shape)
    }
  }
}
