import Graphs
import Kernels
import Rewrites
import Tensors

extension ModelFunction {
  /// A batch of one row as the model takes it.
  fileprivate func asInput(_ point: Tensor) -> Tensor { point.reshaped(to: batchShape(1)) }

  /// What sums gradients at so many points at a time.
  func pathPlan(rows: Int) throws(ModelError) -> PathPlan {
    if let plan = pathPlans[rows] { return plan }
    let prefix = try pathPrefix()
    let path = try PathGraph(
      try specialized(rows: rows), explaining: explained, rows: rows, splits: prefix != nil,
      precision: precision)
    let plan = try PathPlan(path, of: self, prefix: prefix, rows: rows, in: workspace)
    pathPlans[rows] = plan
    return plan
  }
}

/// A model ready to sum its gradients at points on a straight line, so many of them at a time.
final class PathPlan {
  private unowned let function: ModelFunction
  private let rows: Int
  /// The type of the seed: the scores of a batch.
  private let seed: TensorType
  private let workspace: Workspace
  private let prefix: PathPrefix?
  /// What depends on the ends and the seed alone, and the rest.
  private let invariant: Interpreter
  private let varying: Interpreter

  /// - Parameter rows: points per batch.
  init(
    _ path: PathGraph, of function: ModelFunction, prefix: PathPrefix?, rows: Int,
    in workspace: Workspace
  ) throws(ModelError) {
    let parts = try path.graph.hoistingInvariants(from: 2)
    self.function = function
    self.rows = rows
    self.seed = path.seed
    self.prefix = prefix
    self.workspace = workspace
    invariant = Interpreter(parts.invariant, in: workspace, keepsLayouts: true)
    varying = Interpreter(parts.varying, in: workspace, keepsLayouts: true)
  }

  /// The weighted sum of the gradients of a score with respect to the input at points between two.
  ///
  /// - Parameters:
  ///   - start: the first point, as a batch of one row.
  ///   - end: the last point.
  ///   - progress: told of the points that are done; what it throws ends the run.
  /// - Returns: one number per element of the input.
  func integral(
    from start: Tensor, to end: Tensor, target: Int, nodes: [Quadrature.Node],
    progress: (Int) throws -> Void
  ) throws -> [Double] {
    var given: [Tensor] = []
    for (start, end) in try prefix?.ends(start, end) ?? [(start, end)] {
      let difference = try workspace.apply(.subtract, end, start)
      given += prefix == nil ? [start, difference].map(function.asInput) : [start, difference]
    }
    given += function.otherInputs(rows: rows)
    given.append(
      try function.oneHotSeed(
        for: Array(repeating: target, count: rows), rows: rows, type: seed))
    let known = try invariant.run(given)
    var sums: [PathSum] = []
    var done = 0
    while done < nodes.count {
      let batch = nodes[done..<min(done + rows, nodes.count)]
      let vectors = [vector(batch.map(\.position)), vector(batch.map(\.weight))]
      let outputs = try varying.run(vectors + known)
      if sums.isEmpty { sums = outputs.map(PathSum.init) }
      for (index, output) in outputs.enumerated() { sums[index].add(output) }
      done += batch.count
      try progress(done)
    }
    let gradients = sums.map(\.tensor)
    if let prefix { return try prefix.inputGradient(of: gradients, at: start) }
    return workspace.rowMajor(gradients[0]).doubles
  }

  /// A vector of as many numbers as a batch has rows, the last ones zero.
  private func vector(_ numbers: [Double]) -> Tensor {
    let filled = numbers + [Double](repeating: 0, count: rows - numbers.count)
    return Tensor(filled).converted(to: seed.elementType)
  }
}

/// A sum of tensors of one type and layout in double precision.
private struct PathSum {
  private let model: Tensor
  private var elements: [Double]

  /// A sum of nothing, for tensors like this one.
  init(_ model: Tensor) {
    self.model = model
    elements = [Double](repeating: 0, count: model.byteCount / model.elementType.size)
  }

  mutating func add(_ tensor: Tensor) {
    func add<E: NumericElement>(_ type: E.Type) {
      tensor.withElements(as: E.self) { terms in
        for index in elements.indices { elements[index] += terms[index].asDouble }
      }
    }
    if tensor.elementType == .float64 { add(Double.self) } else { add(Float.self) }
  }

  /// The sum in the type and layout of its terms.
  var tensor: Tensor {
    func tensor<E: NumericElement>(_ type: E.Type) -> Tensor {
      let elements = Tensor(self.elements.map { E(converting: $0) }, shape: [elements.count])
      return Tensor(
        model.elementType, model.shape, layout: model.layout, storage: elements.storage)
    }
    return model.elementType == .float64 ? tensor(Double.self) : tensor(Float.self)
  }
}
