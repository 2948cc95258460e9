package import Graphs
import Tensors

/// Guided Backprop times Grad-CAM, element by element (Selvaraju et al., 2017, arXiv 1610.02391).
package struct GuidedGradCam: AttributionMethod {
  package static let name = "guided-grad-cam"
  package static let title = "Guided Grad-CAM"
  package static let summary = "guided-backprop times grad-cam."
  package static let usage = GradCam.usage

  private let cam: GradCam
  private let guided: Method

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    cam = try GradCam(&settings)
    guided = try Method("guided-backprop")
  }

  package var settings: String { cam.settings }
  package var namedLayer: String? { cam.layer }
  package var isInUnitsOfScore: Bool { false }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let guided = try guided.rule.maps(of: problem)
    return try zip(guided, cam.maps(of: problem)).map { guided, cam in
      let product = zip(guided.map.values.doubles, cam.map.values.doubles).map { $0 * $1 }
      return TargetedMap(
        target: cam.target,
        map: AttributionMap(
          values: Tensor(product, shape: cam.map.values.shape), score: cam.map.score,
          baselineScore: nil, passes: guided.map.passes + cam.map.passes))
    }
  }
}
