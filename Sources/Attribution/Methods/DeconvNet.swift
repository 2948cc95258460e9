package import Graphs

/// The score sent back through a deconvolutional network (Zeiler and Fergus, 2014, arXiv
/// 1311.2901).
///
/// A Relu passes max(dy, 0) wherever its input was; every other operator passes its gradient,
/// MaxPool to the places of its maxima, which are the switches of the paper. The map is what
/// arrives at the input, not multiplied by it.
package struct DeconvNet: AttributionMethod {
  package static let name = "deconvnet"
  package static let title = "DeconvNet"
  package static let summary = "The score sent back with Relu applied on the way."

  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var isInUnitsOfScore: Bool { false }
  package var readsPrecision: Bool { false }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try RectifierRules.deconvolution.maps(of: problem, for: Self.name)
  }
}
