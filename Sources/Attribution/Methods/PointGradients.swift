package import Graphs
package import Tensors

/// A method whose map is made from the gradient at the point itself: one forward and one backward pass.
package protocol PointGradientMethod: AttributionMethod {
  /// What the gradient is multiplied by, element by element of the point: nil for nothing.
  ///
  /// - Throws: `ModelError` if the method is not defined for the model.
  func factor(for function: ModelFunction) throws(ModelError) -> Double?
}

extension PointGradientMethod {
  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let factor = try factor(for: problem.function)
    let results = try problem.function.gradients(
      at: problem.point, choosing: problem.targets, count: problem.targetCount)
    return results.targets.indices.map { index in
      TargetedMap(
        target: results.targets[index],
        map: AttributionMap(
          values: Tensor(
            Self.values(results.gradients[index].doubles, problem.point, factor),
            shape: problem.function.pointShape),
          score: results.scores[results.targets[index]], baselineScore: nil,
          passes: Passes(forward: index == 0 ? 1 : 0, backward: 1)))
    }
  }

  /// The attributions that follow from a gradient.
  package static func values(
    _ gradient: [Double], _ point: Tensor, _ factor: Double?
  ) -> [Double] {
    guard let factor else { return gradient }
    return zip(gradient, point.doubles).map { $0 * $1 * factor }
  }
}

/// The gradient of the score (Simonyan et al., 2014, arXiv 1312.6034), with its signs.
package struct Gradient: PointGradientMethod {
  package static let name = "gradient"
  package static let title = "Gradient"
  package static let summary = "The gradient of the score."

  package init() {}
  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var isInUnitsOfScore: Bool { false }
  package func factor(for function: ModelFunction) throws(ModelError) -> Double? { nil }
}

/// Input times gradient (Shrikumar et al., 2016, arXiv 1605.01713).
package struct InputXGradient: PointGradientMethod {
  package static let name = "input-x-gradient"
  package static let title = "Input × gradient"
  package static let summary = "Input times gradient."

  package init() {}
  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var addsUp: Bool { true }
  package func factor(for function: ModelFunction) throws(ModelError) -> Double? { 1 }
}
