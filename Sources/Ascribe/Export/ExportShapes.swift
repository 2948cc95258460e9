import Attribution
import Graphs
import Kernels
import Tensors

/// The shapes of a model's inputs for a number of samples.
struct ExportShapes {
  /// The name of the number of samples where the caller decides it; nil where it is fixed.
  let batchName: String?
  /// The first extent of the explained input where it is fixed; 1 where it is not.
  let fixedRows: Int
  /// The explained input, and the shape of one sample of it.
  let sample: (port: ModelPort, shape: Shape)

  private let explained: Int
  /// Per input its extents; nil for the number of samples, where the model leaves it open.
  private let extents: [[Int?]]

  init(_ model: Model, explained: Int, _ options: ExportOptions) throws(ModelError) {
    self.explained = explained
    let port = model.inputs[explained]
    guard let declared = model.graph.declaredType(of: model.graph.inputs[explained])?.dimensions
    else {
      throw ModelError("input '\(port.name)' has no declared rank; export the model with one")
    }
    if let batch = options.batch, batch < 1 {
      throw ModelError("--batch must be at least 1", kind: .usage)
    }
    var name: String?
    if case .symbolic(let symbol)? = declared.first, options.batch == nil {
      name = symbol.isEmpty ? "batch" : symbol
    }
    if case .fixed(let extent)? = declared.first, let batch = options.batch, batch != extent {
      throw ModelError(
        "input '\(port.name)' is fixed to \(extent) samples; leave --batch out", kind: .usage)
    }
    batchName = name
    var extents: [[Int?]] = []
    for (index, port) in model.inputs.enumerated() {
      let wanted = index == explained ? options.sampleShape : nil
      extents.append(try Self.extents(of: port, wanted))
    }
    self.extents = extents
    fixedRows =
      name == nil ? extents[explained].first.flatMap { $0 } ?? options.batch ?? 1 : 1
    let row = extents[explained].enumerated().map { $0 == 0 ? 1 : $1 ?? 1 }
    guard let shape = Shape(checking: row) else {
      throw ModelError("the input '\(port.name)' is too large", kind: .usage)
    }
    sample = (port, shape)
  }

  /// Whether several points of a path can be samples of one batch: not where further inputs are of a
  /// number of samples that the model fixes.
  var takesPoints: Bool { extents[explained].first == .some(nil) || extents.count == 1 }

  /// Whether an input has a row for each sample, of whatever number there are.
  func countsSamples(_ input: Int) -> Bool { extents[input].first == .some(nil) }

  /// One shape per input for so many samples, at so many points of a path each.
  func shapes(_ samples: Int, points: Int = 1) throws(ModelError) -> [Shape] {
    try extents.enumerated().map { (index, extents) throws(ModelError) in
      let extents = extents.enumerated().map { axis, extent in
        let counts = extent == nil || index == explained && axis == 0
        return (extent ?? samples).multipliedReportingOverflow(by: counts ? points : 1)
      }
      guard !extents.contains(where: { $0.overflow }),
        let shape = Shape(checking: extents.map { $0.partialValue })
      else {
        throw ModelError("an input of \(samples) samples is too large", kind: .usage)
      }
      return shape
    }
  }

  /// The model as a function of the explained input, the others zero: of one sample, unless those of a
  /// batch of fixed size change each other's scores.
  ///
  /// - Parameter example: a sample at which the model is defined, where one is known.
  func function(
    _ model: Model, _ space: TargetSpace, example: Tensor?, in workspace: Workspace
  ) throws(ModelError) -> ModelFunction {
    let rows = countsSamples(explained) ? 1 : fixedRows
    let function = try self.function(model, space, example, rows: rows, in: workspace)
    guard !function.hasBatches, rows != fixedRows else { return function }
    return try self.function(model, space, example, rows: fixedRows, in: workspace)
  }

  private func function(
    _ model: Model, _ space: TargetSpace, _ example: Tensor?, rows: Int, in workspace: Workspace
  ) throws(ModelError) -> ModelFunction {
    let shapes = try shapes(rows)
    var fixed: [Int: Tensor] = [:]
    for (index, port) in model.inputs.enumerated() where index != explained {
      let zeros = Tensor(repeating: 0 as Float, shape: shapes[index])
      fixed[index] = zeros.converted(to: port.elementType ?? .float32)
    }
    let rows = shapes[explained].first ?? 1
    let batch = example.map {
      $0.shape == sample.shape && rows > 1
        ? Tensor(stacking: Array(repeating: $0, count: rows)) : $0
    }
    return try ModelFunction(
      model.graph, explaining: explained, shape: shapes[explained], fixed: fixed, space: space,
      batching: .any, example: batch, in: workspace)
  }

  private static func extents(
    of port: ModelPort, _ wanted: [Int]?
  ) throws(ModelError) -> [Int?] {
    guard let declared = port.dimensions else {
      throw ModelError("input '\(port.name)' has no declared rank; export the model with one")
    }
    guard !declared.isEmpty else { return [] }
    var extents = declared
    if let wanted {
      guard wanted.count == declared.count - 1, wanted.allSatisfy({ $0 > 0 }),
        zip(wanted, declared.dropFirst()).allSatisfy({ $1 == nil || $0 == $1 })
      else {
        throw ModelError(
          "--shape does not fit input '\(port.name)', which is \(port.typeDescription)",
          kind: .usage)
      }
      extents = [extents[0]] + wanted.map(Optional.some)
    }
    guard let open = extents.dropFirst().firstIndex(of: nil) else { return extents }
    throw ModelError(
      "input '\(port.name)' is \(port.typeDescription): extent \(open) is open; give the extents of one "
        + "sample with --shape", kind: .usage)
  }
}
