import CDNNL
import Tensors

/// What identifies a compiled primitive: equal descriptions share one.
protocol PrimitiveDescription: Hashable {
  /// What the primitive does, for messages.
  var title: String { get }

  /// Compiles the primitive; gives oneDNN's status.
  func compile(on engine: OpaquePointer, into primitive: inout OpaquePointer?) -> Int32
}

/// A compiled oneDNN primitive.
final class Primitive {
  let handle: OpaquePointer
  let scratchpadSize: Int
  private var forms: [Int: [UInt8]] = [:]

  init(_ handle: OpaquePointer) {
    self.handle = handle
    self.scratchpadSize = cdnnl_primitive_scratchpad_size(handle)
  }

  deinit { cdnnl_primitive_destroy(handle) }

  /// The buffers that it reads and writes.
  var bufferCount: Int { Int(cdnnl_primitive_buffer_count(handle)) }

  /// What distinguishes the form of the buffer at `index` from others.
  func form(_ index: Int) -> [UInt8] {
    if let known = forms[index] { return known }
    var size = 0
    let start = cdnnl_primitive_form(handle, Int32(index), &size)
    let form = [UInt8](UnsafeRawBufferPointer(start: start, count: size))
    forms[index] = form
    return form
  }

  /// Bytes of the buffer at `index`.
  func bufferSize(_ index: Int) -> Int { cdnnl_primitive_buffer_size(handle, Int32(index)) }

  /// The layout of the buffer at `index`, which holds a tensor of ours.
  func layout(_ index: Int) -> Layout {
    switch cdnnl_primitive_layout(handle, Int32(index)) {
    case cdnnl_channels_last: .channelsLast
    case cdnnl_blocked_8: .blockedChannels(8)
    case cdnnl_blocked_16: .blockedChannels(16)
    default: .rowMajor
    }
  }
}

/// oneDNN's engine, the primitives compiled on it and the weights rearranged for them.
final class PrimitiveCache {
  private var engine: OpaquePointer?
  private var primitives: [AnyHashable: Primitive] = [:]
  private var weights: [WeightsKey: RearrangedWeights] = [:]
  /// Where primitives take memory from while they run.
  private let pool: BufferPool

  init(_ pool: BufferPool) { self.pool = pool }

  deinit {
    primitives.removeAll()
    weights.removeAll()
    if let engine { cdnnl_engine_destroy(engine) }
  }

  /// The primitive of this description, compiled at its first use.
  func primitive(
    _ description: some PrimitiveDescription
  ) throws(KernelError) -> Primitive {
    let key = AnyHashable(description)
    if let known = primitives[key] { return known }
    var handle: OpaquePointer?
    let status = description.compile(on: try readyEngine(), into: &handle)
    let primitive = Primitive(try Self.checked(handle, status, description.title))
    primitives[key] = primitive
    return primitive
  }

  /// Runs a primitive on buffers that stand in the order that its creator documents.
  func execute(
    _ primitive: Primitive, _ buffers: [UnsafeMutableRawPointer?]
  ) throws(KernelError) {
    let scratchpad = pool.storage(byteCount: primitive.scratchpadSize)
    defer { withExtendedLifetime(scratchpad) {} }
    let status = cdnnl_primitive_execute(
      primitive.handle, try readyEngine(), buffers, scratchpad.base)
    if status != 0 { throw KernelError(String(cString: cdnnl_status_message(status))) }
  }

  /// Row-major weights in the form that the buffer at `index` of a convolution wants. The result is
  /// kept for as long as the storage of the weights lives, for all primitives that want this form.
  func rearranged(
    _ tensor: Tensor, for convolution: Primitive, at index: Int
  ) throws(KernelError) -> Storage {
    let key = WeightsKey(
      storage: ObjectIdentifier(tensor.storage), byteOffset: tensor.byteOffset,
      form: convolution.form(index))
    if let known = weights[key], known.source === tensor.storage { return known.result }
    weights = weights.filter { $0.value.source != nil }
    var handle: OpaquePointer?
    let status = cdnnl_weights_reorder_create(
      try readyEngine(), convolution.handle, Int32(index), &handle)
    let reorder = Primitive(try Self.checked(handle, status, "weights"))
    let result = Storage(byteCount: convolution.bufferSize(index))
    try execute(reorder, [tensor.address, result.base])
    tensor.storage.unload()
    weights[key] = RearrangedWeights(source: tensor.storage, result: result)
    return result
  }

  /// Frees rearranged weights; they are made again when next needed.
  func release() { weights.removeAll() }

  private func readyEngine() throws(KernelError) -> OpaquePointer {
    if let engine { return engine }
    var created: OpaquePointer?
    let status = cdnnl_engine_create(&created)
    let ready = try Self.checked(created, status, "engine")
    engine = ready
    return ready
  }

  private static func checked(
    _ handle: OpaquePointer?, _ status: Int32, _ title: String
  ) throws(KernelError) -> OpaquePointer {
    guard status == 0, let handle else {
      throw KernelError("\(title): \(String(cString: cdnnl_status_message(status)))")
    }
    return handle
  }
}

private struct WeightsKey: Hashable {
  let storage: ObjectIdentifier
  let byteOffset: Int
  /// Primitives of other batch sizes want most weights in the same form.
  let form: [UInt8]
}

private struct RearrangedWeights {
  /// The storage of the original: once it is gone its identity may be given to another.
  weak var source: Storage?
  let result: Storage
}

extension Layout {
  /// The same layout in oneDNN's terms.
  var forOneDNN: cdnnl_layout {
    switch self {
    case .rowMajor, .bits: cdnnl_row_major
    case .channelsLast: cdnnl_channels_last
    case .blockedChannels(8): cdnnl_blocked_8
    case .blockedChannels: cdnnl_blocked_16
    }
  }
}

/// Calls `body` with the first element of each list; the pointers are valid during the call.
func withPointers<Result>(
  to lists: [[Int]], _ body: ([UnsafePointer<Int>?]) -> Result
) -> Result {
  lists.flatMap(\.self).withUnsafeBufferPointer { all in
    var start = 0
    return body(
      lists.map { list in
        defer { start += list.count }
        return all.baseAddress.map { $0 + start }
      })
  }
}
