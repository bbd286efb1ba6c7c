import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.DeadLettersApi;
import org.openapitools.client.api.DeadLettersApi.*;
import org.openapitools.client.api.OrdersApi;
import org.openapitools.client.api.OrdersApi.*;
import org.openapitools.client.model.*;

/** An order's journey with openapi-generator's client for Java. Arguments: the product's URL and key. */
class Journey {
  static final UUID ISSUED_NEVER = UUID.fromString("01990000-0000-7000-8000-000000000000");
  static final long CUSTOMER = 3_000_000_000L;

  interface Call {
    Object answer() throws ApiException;
  }

  public static void main(String[] args) throws Exception {
    var orders = new OrdersApi(client(args[0]));
    var keyed = client(args[0]);
    keyed.setRequestInterceptor(request -> request.header("x-functions-key", args[1]));
    var deadLetters = new DeadLettersApi(keyed);

    // An order is placed with a wait, and again under the same key.
    var idempotencyKey = UUID.randomUUID().toString();
    var large = APIPlaceOrderRequest.newBuilder().orderCommand(order(1234567.89)).idempotencyKey(idempotencyKey);
    var stored = orders.placeOrder(large.prefer("wait=30").build());
    equal(stored.getStatus(), OrderStatus.STORED);
    equal(stored.getCustomerId(), CUSTOMER);
    equal(stored.getTotalPrice(), 1234567.89);
    equal(stored.getCurrencyType(), Currency.EUR);
    equal(orders.placeOrder(large.build()).getOrderId(), stored.getOrderId());

    // An order is placed without a wait, and then waited for.
    var placed = orders.placeOrder(APIPlaceOrderRequest.newBuilder().orderCommand(order(187.35)).build());
    var wait = APIGetOrderRequest.newBuilder().orderId(placed.getOrderId()).prefer("wait=30").build();
    var found = orders.getOrder(wait);
    equal(found.getStatus(), OrderStatus.STORED);
    equal(found.getTotalPrice(), 187.35);
    equal(found.getOrderItems().get(0).getPrice(), 119.9);

    // Both are in the list, which is read a page at a time.
    var listed = new ArrayList<UUID>();
    var request = APIListOrdersRequest.newBuilder().customerId(CUSTOMER).limit(2);
    String cursor = null;
    do {
      var page = orders.listOrders(request.cursor(cursor).build());
      page.getItems().forEach(one -> listed.add(one.getOrderId()));
      cursor = page.getNextCursor();
    } while (cursor != null);
    equal(listed.containsAll(List.of(stored.getOrderId(), placed.getOrderId())), true);

    var history = orders.orderHistory(APIOrderHistoryRequest.newBuilder().orderId(stored.getOrderId()).build());
    equal(history.getItems().stream().map(one -> one.getKind().getValue()).toList(), List.of("accepted", "stored"));
    equal(history.getNextCursor(), null);

    // Errors come back as problem documents.
    var unknown = APIGetOrderRequest.newBuilder().orderId(ISSUED_NEVER).build();
    var missing = problemOf(() -> orders.getOrder(unknown));
    equal(missing.getStatus(), 404);
    equal(missing.getType(), "/docs/errors#order-not-found");
    var tooFine = APIPlaceOrderRequest.newBuilder().orderCommand(order(0.00001)).build();
    var refused = problemOf(() -> orders.placeOrder(tooFine));
    equal(refused.getStatus(), 400);
    equal(refused.getErrors().get(0).getPointer(), "/totalPrice");
    equal(refused.getRequestId() != null, true);
    var unsigned = new DeadLettersApi(client(args[0]));
    var first = APIListDeadLettersRequest.newBuilder().limit(1).build();
    equal(problemOf(() -> unsigned.listDeadLetters(first)).getStatus(), 401);

    // A dead letter is read in the list, on its own, and as a file.
    var summary = deadLetters.listDeadLetters(first).getItems().get(0);
    var letter = deadLetters.getDeadLetter(APIGetDeadLetterRequest.newBuilder().id(summary.getId()).build());
    equal(Math.abs(letter.getRecordTimestamp() - System.currentTimeMillis()) < 86_400_000, true);
    var file = APIDeadLetterFixtureRequest.newBuilder().id(summary.getId()).build();
    var record = deadLetters.deadLetterFixture(file).getRecord();
    equal(record.getTopic() + ":" + record.getPartition() + ":" + record.getOffset(), letter.getId());
    equal(record.getTimestamp(), letter.getRecordTimestamp());
    equal(record.getValue(), letter.getValue().getBase64());
    equal(record.getHeaders().stream().map(pair -> pair.get(0)).toList(),
        letter.getHeaders().stream().map(header -> header.getName()).toList());
  }

  static ApiClient client(String url) {
    var client = new ApiClient();
    client.updateBaseUri(url);
    return client;
  }

  static OrderCommand order(double totalPrice) throws ApiException {
    try {
      return ApiClient.createDefaultObjectMapper().readValue(Files.readString(Path.of("order.json")), OrderCommand.class)
          .customerId(CUSTOMER).totalPrice(totalPrice);
    } catch (java.io.IOException error) {
      throw new ApiException(error);
    }
  }

  /** The problem that a failed call returned, parsed as the document describes it. */
  static Problem problemOf(Call call) throws Exception {
    try {
      call.answer();
    } catch (ApiException error) {
      return ApiClient.createDefaultObjectMapper().readValue(error.getResponseBody(), Problem.class);
    }
    throw new AssertionError("no problem");
  }

  static void equal(Object found, Object expected) {
    if (!java.util.Objects.equals(found, expected)) throw new AssertionError(found + " instead of " + expected);
  }
}
