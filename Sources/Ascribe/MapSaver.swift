import Evaluation
import Foundation
import Graphs
import Tensors

/// Writes maps to files, `MODEL/METHOD/SAMPLE.npy` in a folder, with a record of the evaluation that they
/// belong to.
final class MapSaver {
  /// What the maps in a folder are, so that those of another evaluation do not pass for them.
  private struct Record: Codable, Equatable {
    /// The digest of the protocol.
    let evaluation: String
    /// The type of the elements.
    let type: String
  }

  private let folder: String
  private let evaluation: EvaluationProtocol
  private let methods: [String]
  private let type: ElementType
  private let record: Record
  private var isRecorded = false

  private var recordPath: String { "\(folder)/maps.json" }

  /// - Throws: `ModelError` if the folder cannot be made, or holds maps of another evaluation.
  init(folder: String, _ evaluation: EvaluationProtocol, isFloat16: Bool) throws {
    self.folder = folder
    self.evaluation = evaluation
    methods = evaluation.methods.map { $0.replacing(/[:=\/]/, with: "-") }
    type = isFloat16 ? .float16 : .float32
    record = Record(evaluation: try evaluation.digest(), type: "\(type)")
    try OutputFile.makeFolder(folder)
    guard let bytes = FileManager.default.contents(atPath: recordPath) else { return }
    isRecorded = true
    guard let found = try? JSONDecoder().decode(Record.self, from: bytes) else {
      throw ModelError(
        "it does not say whose maps lie there; name another folder", file: recordPath)
    }
    let advice = "name another folder, or give the options of before"
    guard found.evaluation == record.evaluation else {
      throw ModelError("it holds maps of another evaluation; \(advice)", kind: .usage, file: folder)
    }
    guard found.type == record.type else {
      throw ModelError(
        "it holds maps of \(found.type), not \(record.type); \(advice)", kind: .usage, file: folder)
    }
  }

  /// Refuses samples with results, but without all their maps.
  func requireMaps(of samples: [DataSet.Sample], _ results: String) throws(ModelError) {
    let missing = samples.count { sample in
      !isRecorded
        || evaluation.models.indices.contains { model in
          methods.indices.contains { method in
            isDefined(method, for: model)
              && !FileManager.default.fileExists(atPath: path(model, method, sample.name))
          }
        }
    }
    guard missing == 0 else {
      throw ModelError(
        "\(missing) of its \(samples.count) samples were evaluated without saving maps in \(folder); "
          + "name another --output", kind: .usage, file: results)
    }
  }

  func save(_ sample: SampleRecord, of source: DataSet.Sample) throws {
    if !isRecorded {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      try OutputFile.write(Array(try encoder.encode(record)), to: recordPath)
      isRecorded = true
    }
    for map in sample.maps {
      let path = path(map.model, map.method, source.name)
      try OutputFile.makeFolder(URL(filePath: path).deletingLastPathComponent().path)
      try OutputFile.write(map.values.converted(to: type).npyData(), to: path)
    }
  }

  private func path(_ model: Int, _ method: Int, _ sample: String) -> String {
    "\(folder)/\(evaluation.models[model].name)/\(methods[method])/\(sample).npy"
  }

  private func isDefined(_ method: Int, for model: Int) -> Bool {
    !evaluation.models[model].without.contains(evaluation.methods[method])
  }
}
