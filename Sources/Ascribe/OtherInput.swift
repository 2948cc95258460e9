import Evaluation
import Foundation
import Graphs
import Tensors

/// What an input of a model gets beside the one that the samples of a data set are for: a row for each
/// sample, or one tensor for all.
struct OtherInput: Sendable {
  /// The place among the model's inputs.
  let index: Int
  /// What all samples get; for rows that of the first one without fault.
  let first: Tensor
  /// What tells its content from others.
  let fingerprint: String

  /// The file, as given.
  let path: String

  private let model: Model
  /// A row for each sample; nil where one tensor serves all.
  private let rows: DataSet?

  private var port: ModelPort { model.inputs[index] }

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - index: the place of the input among the model's.
  ///   - explained: the input that the samples are for.
  ///   - samples: how many there are.
  /// - Throws: `ModelError` if there is no such file, if it does not fit the input, if it has neither
  ///   one row nor one for each sample, or if no row has numbers that the input can hold.
  init(
    of model: Model, at index: Int, from path: String, beside explained: ModelPort, samples: Int
  ) throws {
    let port = model.inputs[index]
    self.index = index
    self.model = model
    self.path = path
    let countsRows = port.countsRows(beside: explained)
    let isOneSample = DataSet.arrayShape(of: path).map { $0.rank + 1 == port.dimensions?.count }
    guard countsRows, isOneSample != true else {
      first = try Self.whole(path, model, port, isSample: countsRows)
      fingerprint = Digest.sha256(of: first)
      self.rows = nil
      return
    }
    let rows = try DataSet(rowsOf: path)
    let count = rows.samples.count
    guard [1, samples].contains(count) else {
      throw ModelError(
        "it holds \(count) rows for input '\(port.name)', the data set \(samples) samples; give one "
          + "row for each, or one for all", file: path)
    }
    first = try Self.firstSound(of: rows, model, port)
    fingerprint = (count > 1 ? "\(count) rows " : "") + rows.digest
    self.rows = count > 1 ? rows : nil
  }

  /// Whether samples get rows of their own.
  var followsSamples: Bool { rows != nil }

  /// What a sample gets.
  ///
  /// - Throws: `ModelError` if the file changed after it was opened.
  func tensor(for sample: DataSet.Sample) throws -> Tensor {
    guard let rows else { return first }
    guard rows.samples.indices.contains(sample.index) else {
      throw ModelError("input '\(port.name)' has no row for it", kind: .fault)
    }
    let row = rows.samples[sample.index]
    do {
      let (tensor, fault) = try Self.tensor(of: row, in: rows, model, port)
      try rows.requireUnchanged(row)
      if let fault { throw ModelError("\(row.name): \(fault)") }
      return tensor
    } catch let error as ModelError {
      throw ModelError("its row of input '\(port.name)': \(error.reason)")
    }
  }

  /// The first row without fault.
  ///
  /// - Throws: `ModelError` if there is none, if a row does not fit the input, or if rows differ in
  ///   shape.
  private static func firstSound(
    of rows: DataSet, _ model: Model, _ port: ModelPort
  ) throws -> Tensor {
    var shape: Shape?
    var first: Tensor?
    var faults: [String] = []
    for row in rows.samples {
      let (tensor, fault) = try Self.tensor(of: row, in: rows, model, port)
      if let shape, shape != tensor.shape {
        throw ModelError(
          "\(row.name) gives \(tensor.shape), the first row \(shape); fill all rows up to one "
            + "length", file: rows.path)
      }
      shape = tensor.shape
      if let fault {
        faults.append("\(row.name): \(fault)")
      } else {
        first = first ?? tensor
      }
    }
    guard let first else {
      throw ModelError(faults.first ?? "there is no row in it", file: rows.path)
    }
    return first
  }

  /// A row as the input takes it, and what is wrong with its numbers, where something is.
  private static func tensor(
    of row: DataSet.Sample, in rows: DataSet, _ model: Model, _ port: ModelPort
  ) throws -> (tensor: Tensor, fault: String?) {
    do {
      switch try rows.content(of: row) {
      case .tensor(let given):
        let tensor = try model.fitted(
          given, to: port, rows.path, takesIntegers: true, whole: rows.arrayDescription)
        return (tensor, tensor.fault(comingFrom: given.doubles))
      case .numbers(let numbers):
        let tensor = try port.tensor(of: numbers, ranks: 1...2)
        return (tensor, tensor.fault(comingFrom: numbers))
      case .file: throw ModelError("it is no row of numbers", kind: .fault)
      }
    } catch let error as ModelError where error.file == nil {
      throw ModelError("\(row.name): \(error.reason)", kind: error.kind, file: rows.path)
    }
  }

  /// A tensor that serves all samples.
  private static func whole(
    _ path: String, _ model: Model, _ port: ModelPort, isSample: Bool
  ) throws -> Tensor {
    guard URL(filePath: path).pathExtension.lowercased() == "npy" else {
      throw ModelError(
        "input '\(port.name)' takes \(port.typeDescription), which has no row for each sample; give "
          + "it a .npy file", kind: .usage, file: path)
    }
    let given = try Model.readNPY(path)
    let tensor = try model.fitted(given, to: port, path, takesIntegers: true)
    if let fault = tensor.fault(comingFrom: given.doubles) { throw ModelError(fault, file: path) }
    guard isSample || tensor.shape.first == port.dimensions?.first ?? nil else {
      throw ModelError(
        "input '\(port.name)' takes \(port.typeDescription), not \(tensor)", file: path)
    }
    return tensor
  }
}

extension Tensor {
  /// Why these numbers are no input: the first one that is none, or that this type has made infinite.
  func fault(comingFrom given: [Double]) -> String? {
    guard elementType.isFloatingPoint else { return nil }
    for (number, taken) in zip(given, doubles) {
      if number.isNaN { return "it holds NaN" }
      if number.isFinite, !taken.isFinite {
        return "it holds \(number), which is beyond \(elementType)"
      }
    }
    return nil
  }
}

extension ModelPort {
  /// Whether the first dimension counts samples: where it is open or 1, or the number that the explained
  /// input has too.
  func countsRows(beside explained: ModelPort) -> Bool {
    guard let dimensions else { return true }
    guard let first = dimensions.first else { return false }
    guard let first, first != 1 else { return true }
    return explained.dimensions?.first == first
  }

  /// Numbers of a line as a batch of one, for inputs of these ranks.
  func tensor(of numbers: [Double], ranks: ClosedRange<Int> = 2...2) throws(ModelError) -> Tensor {
    guard let type = elementType, let dimensions, ranks.contains(dimensions.count) else {
      throw ModelError(
        "input '\(name)' takes \(typeDescription), a line is a row of numbers", kind: .usage)
    }
    let extents = dimensions.dropFirst().map { $0 ?? numbers.count }
    let length = extents.first ?? 1
    guard numbers.count == length, length > 0 else {
      throw ModelError("it has \(numbers.count) numbers, the model takes \(length)")
    }
    let tensor = Tensor(numbers, shape: Shape([1] + extents)).converted(to: type)
    if !type.isFloatingPoint,
      let (number, _) = zip(numbers, tensor.doubles).first(where: { $0 != $1 })
    {
      throw ModelError(refusal(of: Int(exactly: number).map(String.init) ?? "\(number)", type))
    }
    return tensor
  }
}
