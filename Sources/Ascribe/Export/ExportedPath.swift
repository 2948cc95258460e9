import Attribution
import Graphs

/// The gradients that Integrated Gradients add up in a model that carries its own explanation.
struct ExportedPath {
  /// How many there are.
  let steps: Int
  /// Where they are taken; nil for mean gradients over pieces of the path.
  let quadrature: Quadrature?
  /// Whether the caller chose between means and points.
  private let isChosen: Bool

  /// - Parameter stacks: whether several points can run in one batch, which mean gradients need.
  /// - Throws: `ModelError` if the number of gradients is not known beforehand, or if they depend on
  ///   each input.
  init(_ method: Method, _ function: ModelFunction, stacks: Bool) throws(ModelError) {
    switch method.integration {
    case .steps(let steps, let quadrature)?: self.init(steps: steps, quadrature)
    case .secant(let steps)?:
      guard stacks else {
        throw ModelError(
          "mean gradients need several points of a path in one batch, which the model does not take; take "
            + "gradients at points, as by --quadrature warped:2", kind: .usage)
      }
      self.init(steps: steps, nil)
    case .automatic(let steps)?:
      if stacks, case .secant = function.settled(steps) {
        self.init(steps: steps, nil, isChosen: false)
      } else {
        self.init(steps: steps, .warped(power: Quadrature.defaultPower))
      }
    case .piloted?:
      throw ModelError(
        "a model has no pilot that finds the power of each path; give it, as in --quadrature "
          + "warped:\(Quadrature.defaultPower)", kind: .usage)
    case .tolerance?, .exact?, nil:
      throw ModelError(
        "a model takes a fixed number of steps; give --steps and --quadrature in place of a "
          + "tolerance or exact integration", kind: .usage)
    }
  }

  private init(steps: Int, _ quadrature: Quadrature?, isChosen: Bool = true) {
    self.steps = steps
    self.quadrature = quadrature
    self.isChosen = isChosen
  }

  /// As many gradients at points, where nobody chose means.
  var withoutMeans: ExportedPath? {
    isChosen ? nil : ExportedPath(steps: steps, .warped(power: Quadrature.defaultPower))
  }

  /// Whether gradients are means over pieces of the path.
  var isMean: Bool { quadrature == nil }

  /// The name of the rule.
  var rule: String { quadrature?.description ?? Integration.secant(steps).ruleName }

  /// Steps in a batch, where at most so many run together: as few more than the steps need in so many
  /// batches as can be.
  func chunk(atMost largest: Int) -> Int {
    let batches = (steps + largest - 1) / max(largest, 1)
    return (steps + batches - 1) / max(batches, 1)
  }

  /// Points in a batch of so many steps: a mean gradient needs both ends of its piece.
  func points(_ chunk: Int) -> Int { isMean ? chunk + 1 : chunk }

  /// Where the points lie, so many steps in a batch, and what their gradients count.
  func batches(of chunk: Int) -> [PathBatch] {
    let rows = points(chunk)
    guard let quadrature else {
      return PathBatch.pieces(between: PathBatch.edges(steps), rows: rows)
    }
    return PathBatch.points(quadrature.nodes(steps), rows: rows)
  }
}
